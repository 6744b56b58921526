//! Where the nodes and links of the chain stand in its picture.

use crate::report::chain::{Chain, Kind, Link, Node, State};

/// Left edge and width of each column.
const COLUMNS: [(i32, i32); 4] = [(0, 196), (250, 336), (640, 248), (942, 218)];
/// Heading of each column.
const HEADINGS: [&str; 4] = ["MachineGuid", "Keys and files", "Opened by", "Depends on it"];
/// Top of the first node.
const TOP: i32 = 36;
/// Height of a node.
const HEIGHT: i32 = 48;
/// Height of a GUID, which takes two lines.
const GUID_HEIGHT: i32 = 66;
/// Space between nodes.
const GAP: i32 = 12;
/// Space between the containers of two GUIDs, beyond that between nodes.
const GROUP_GAP: i32 = 20;

/// The picture.
pub(super) struct Picture {
    pub(super) width: i32,
    pub(super) height: i32,
    /// Centre and text of each column's heading.
    pub(super) headings: Vec<(i32, &'static str)>,
    pub(super) boxes: Vec<Box>,
    pub(super) lines: Vec<Line>,
}

/// A node.
pub(super) struct Box {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
    /// The name for CSS.
    pub(super) state: &'static str,
    pub(super) kind: &'static str,
    /// The lines of its name, shortened; the flag tells a fixed pitch.
    pub(super) label: Vec<(i32, String)>,
    pub(super) is_guid: bool,
    pub(super) detail: String,
    pub(super) detail_y: i32,
    /// Where the mark of its state stands, where no text comes to.
    pub(super) mark_y: i32,
    /// Everything about it, for a tooltip.
    pub(super) full: String,
}

/// A link.
pub(super) struct Line {
    pub(super) path: String,
    pub(super) state: &'static str,
    /// Where its mark stands.
    pub(super) x: i32,
    pub(super) y: i32,
    /// Everything about it, for a tooltip.
    pub(super) full: String,
}

/// The name of a state in CSS.
pub(super) fn class(state: State) -> &'static str {
    match state {
        State::Broken => "broken",
        State::Unknown => "unknown",
        State::Works => "works",
        State::Idle => "idle",
    }
}

/// Shortened in the middle to so many letters, so that both ends can be told from others.
pub(super) fn shortened(text: &str, most: usize) -> String {
    fitted(text, most, |_| 1)
}

/// Shortened in the middle to a width, given how wide each letter is.
fn fitted(text: &str, most: usize, width: impl Fn(char) -> usize) -> String {
    let letters: Vec<char> = text.chars().collect();
    if letters.iter().map(|&letter| width(letter)).sum::<usize>() <= most {
        return text.to_owned();
    }
    let mut left = most.saturating_sub(width('\u{2026}'));
    let (mut head, mut tail) = (0, letters.len());
    // From both ends in turns, for as long as there is room.
    while head < tail {
        let from_head = head <= letters.len() - tail;
        let at = if from_head { head } else { tail - 1 };
        let Some(rest) = letters.get(at).and_then(|&letter| left.checked_sub(width(letter))) else { break };
        left = rest;
        if from_head {
            head += 1;
        } else {
            tail -= 1;
        }
    }
    let front: String = letters.iter().take(head).collect();
    let back: String = letters.iter().skip(tail).collect();
    format!("{}\u{2026}{}", front.trim_end(), back.trim_start())
}

/// How wide a letter is in a bold sans-serif font, in hundredths of its size. The widest of the common fonts counts.
fn bold_width(letter: char) -> usize {
    match letter {
        'i' | 'l' | 'j' | 'I' | 'J' | ' ' | '.' | ',' | ':' | '\'' | '|' => 38,
        'r' | 't' | 'f' | '-' | '(' | ')' => 49,
        'c' | 's' | 'z' => 61,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '\u{2026}' => 106,
        'A'..='Z' | '_' | '=' | '+' | '<' | '>' => 78,
        letter if letter.is_ascii() => 71,
        _ => 105,
    }
}

/// A text of that size in a box of that width, beside the mark of its state.
fn in_box(text: &str, width: i32, size: f64, share: f64) -> String {
    // Texts that are not bold take nine tenths of that.
    let room = f64::from(width - 42) * 100.0 / (size * share);
    fitted(text, room as usize, bold_width)
}

impl Picture {
    pub(super) fn of(chain: &Chain) -> Self {
        let tops = placed(chain);
        let columns = chain.nodes.iter().map(|node| node.column + 1).max().unwrap_or(0);
        let boxes: Vec<Box> = chain.nodes.iter().zip(&tops).map(|(node, &top)| node_box(node, top)).collect();
        let used = COLUMNS.iter().zip(HEADINGS).take(columns);
        Self {
            width: COLUMNS.get(columns.saturating_sub(1)).map_or(0, |(x, width)| x + width),
            height: boxes.iter().map(|it| it.y + it.height).max().unwrap_or(0) + 4,
            headings: used.map(|(&(x, _), text)| (x + 1, text)).collect(),
            lines: ordered(&chain.links).filter_map(|link| line(chain, &boxes, link)).collect(),
            boxes,
        }
    }
}

/// What is broken is drawn last and so on top.
fn ordered(links: &[Link]) -> impl Iterator<Item = &Link> {
    let mut links: Vec<&Link> = links.iter().collect();
    links.sort_by_key(|link| std::cmp::Reverse(link.state));
    links.into_iter()
}

fn height_of(node: &Node) -> i32 {
    if node.kind == Kind::Guid { GUID_HEIGHT } else { HEIGHT }
}

/// The top of each node. Containers stand below each other, the other columns beside what they hang on.
fn placed(chain: &Chain) -> Vec<i32> {
    let count = chain.nodes.len();
    let mut tops = vec![0; count];
    // The first GUID of each container groups it, and so do links for the columns on the right.
    let mut sources: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut targets: Vec<Vec<usize>> = vec![Vec::new(); count];
    for link in &chain.links {
        if let (Some(from), Some(to)) = (sources.get_mut(link.to), targets.get_mut(link.from)) {
            from.push(link.from);
            to.push(link.to);
        }
    }
    let of_column = |column: usize| {
        chain.nodes.iter().enumerate().filter(move |(_, node)| node.column == column).map(|(at, _)| at)
    };
    // A link from the current GUID to a file of another one does not tell where the file belongs.
    let group = |at: usize| {
        let own = chain.links.iter().filter(|link| link.to == at);
        own.min_by_key(|link| (link.state == State::Broken, link.from)).map(|link| link.from)
    };
    let mut y = TOP;
    let mut before = None;
    for at in of_column(1) {
        let own = group(at);
        if before.is_some_and(|before| before != own) {
            y += GROUP_GAP;
        }
        before = Some(own);
        tops[at] = y;
        y += HEIGHT + GAP;
    }
    let centre = |tops: &[i32], at: usize| tops[at] + height_of(&chain.nodes[at]) / 2;
    let mean = |tops: &[i32], of: &[usize]| -> Option<i32> {
        let sum: i32 = of.iter().map(|&at| centre(tops, at)).sum();
        Some(sum / i32::try_from(of.len()).ok().filter(|&count| count > 0)?)
    };
    let members = |guid: usize| -> Vec<usize> {
        let reached = targets.get(guid).into_iter().flatten().copied();
        reached.filter(|&at| group(at) == Some(guid)).collect()
    };
    let wanted: Vec<(usize, Option<i32>)> = of_column(0).map(|at| (at, mean(&tops, &members(at)))).collect();
    settle(chain, &mut tops, wanted);
    for column in [2, 3] {
        let wanted = of_column(column).map(|at| (at, mean(&tops, &sources[at]))).collect();
        settle(chain, &mut tops, wanted);
    }
    tops
}

/// Gives each node of a column the place that it wants, or the next free one below.
fn settle(chain: &Chain, tops: &mut [i32], mut wanted: Vec<(usize, Option<i32>)>) {
    wanted.sort_by_key(|&(at, centre)| (centre.unwrap_or(i32::MAX), at));
    // From below, so that a crowd is pushed up as far as there is room.
    let mut floor = i32::MAX;
    let mut limits = vec![0; wanted.len()];
    let lowest = wanted.iter().filter_map(|(_, centre)| *centre).max().unwrap_or(0);
    let lowest = lowest.max(tops.iter().copied().max().unwrap_or(TOP)) + GUID_HEIGHT;
    for (limit, (at, _)) in limits.iter_mut().zip(&wanted).rev() {
        let height = height_of(&chain.nodes[*at]);
        floor = floor.min(lowest) - height;
        *limit = floor;
        floor -= GAP;
    }
    let mut free = TOP;
    for ((at, centre), limit) in wanted.into_iter().zip(limits) {
        let height = height_of(&chain.nodes[at]);
        let top = centre.map_or(free, |centre| centre - height / 2).min(limit).max(free);
        tops[at] = top;
        free = top + height + GAP;
    }
}

fn node_box(node: &Node, y: i32) -> Box {
    let (x, width) = COLUMNS.get(node.column).copied().unwrap_or_default();
    let height = height_of(node);
    let is_guid = node.kind == Kind::Guid && node.label.len() == 36 && node.label.is_ascii();
    let label = if is_guid {
        let (first, second) = node.label.split_at(19);
        vec![(21, first.to_owned()), (37, second.to_owned())]
    } else {
        vec![(21, in_box(&node.label, width, 13.0, 1.0))]
    };
    let full =
        format!("{} {}: {}, {}. {}", node.kind.word(), node.label, node.state.word(), node.detail, node.why);
    Box {
        x,
        y,
        width,
        height,
        state: class(node.state),
        kind: match node.kind {
            Kind::Guid => "guid",
            Kind::Missing => "missing",
            Kind::Counted | Kind::More => "counted",
            _ => "plain",
        },
        label,
        is_guid,
        detail: in_box(&node.detail, width + if node.kind == Kind::Guid { 0 } else { 18 }, 12.0, 0.9),
        detail_y: if node.kind == Kind::Guid { 55 } else { 38 },
        mark_y: if node.kind == Kind::Guid { 33 } else { 17 },
        full,
    }
}

fn line(chain: &Chain, boxes: &[Box], link: &Link) -> Option<Line> {
    let (from, to) = (boxes.get(link.from)?, boxes.get(link.to)?);
    let (x1, y1) = (from.x + from.width, from.y + from.height / 2);
    let (x2, y2) = (to.x, to.y + to.height / 2);
    let middle = (x1 + x2) / 2;
    // The point at two thirds of the curve, where links from one node have parted.
    let at =
        |one: i32, two: i32, three: i32, four: i32| (one * 27 + two * 162 + three * 324 + four * 216) / 729;
    let full = format!(
        "{} to {}: {}. {}",
        chain.nodes.get(link.from)?.label,
        chain.nodes.get(link.to)?.label,
        link.state.word(),
        link.why
    );
    Some(Line {
        path: format!("M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}"),
        state: class(link.state),
        x: at(x1, middle, middle, x2),
        y: at(y1, y1, y2, y2),
        full,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(column: usize, label: &str) -> Node {
        Node {
            kind: if column == 0 { Kind::Guid } else { Kind::Container },
            column,
            subject: label.to_owned(),
            label: label.to_owned(),
            detail: "detail".to_owned(),
            state: State::Unknown,
            why: "why".to_owned(),
        }
    }

    #[test]
    fn boxes_never_overlap_and_links_start_and_end_at_them() {
        let mut rng = iiskeys_fixtures::rng::Rng::new(7);
        for _ in 0..200 {
            let mut nodes: Vec<Node> = (0..4)
                .flat_map(|column| (0..1 + rng.below(9)).map(move |at| (column, at)))
                .map(|(column, at)| node(column, &format!("{column}-{at}")))
                .collect();
            nodes.sort_by_key(|node| node.column);
            let mut links = Vec::new();
            for _ in 0..rng.below(20) {
                let (from, to) = (rng.below(nodes.len()), rng.below(nodes.len()));
                if nodes[from].column < nodes[to].column {
                    links.push(Link { from, to, state: State::Works, why: "why".to_owned() });
                }
            }
            let count = links.len();
            let picture = Picture::of(&Chain { nodes, links, ..Chain::default() });
            assert_eq!(picture.lines.len(), count);
            for (at, one) in picture.boxes.iter().enumerate() {
                assert!(one.y >= TOP && one.y + one.height <= picture.height);
                assert!(one.x + one.width <= picture.width);
                for two in &picture.boxes[at + 1..] {
                    let apart = one.x != two.x || one.y + one.height <= two.y || two.y + two.height <= one.y;
                    assert!(apart, "{} and {}", one.full, two.full);
                }
            }
        }
    }

    #[test]
    fn names_are_shortened_in_the_middle() {
        assert_eq!(shortened("short", 5), "short");
        assert_eq!(shortened("le-WebServer-6f0a5d1c", 11), "le-We\u{2026}a5d1c");
        assert_eq!(shortened("ääääää", 3), "ä\u{2026}ä");
        assert_eq!(shortened("abc", 0), "\u{2026}");
    }
}
