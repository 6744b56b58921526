//! XPath citations that hold whatever names the configuration uses.

use roxmltree::Node;

/// Attributes that tell one element of a collection from another, in the order of preference.
const KEYS: [&str; 4] = ["name", "path", "id", "key"];
/// Names longer than this are cited by position.
const LONGEST_NAME: usize = 128;
/// Citations longer than this consist of positions only.
const LONGEST_CITATION: usize = 1024;
/// Siblings that are counted for a position; behind them a citation names no position.
const COUNTED_SIBLINGS: usize = 1024;

/// A text as an XPath 1.0 literal: in the quotes that it does not hold, or put together from both kinds.
pub fn quote(text: &str) -> String {
    if !text.contains('\'') {
        return format!("'{text}'");
    }
    if !text.contains('"') {
        return format!("\"{text}\"");
    }
    let parts: Vec<String> = text.split('\'').map(|part| format!("'{part}'")).collect();
    format!("concat({})", parts.join(", \"'\", "))
}

/// The XPath of an attribute, or of the last element of `path` when there is none. `path` starts with the root element.
pub(crate) fn cite(path: &[Node<'_, '_>], attribute: Option<&str>) -> String {
    let mut text = String::new();
    for node in path {
        let name = node.tag_name().name();
        text.push('/');
        text.push_str(name);
        text.push_str(&predicate(*node));
        if text.len() > LONGEST_CITATION {
            return by_positions(path, attribute);
        }
    }
    finish(text, attribute)
}

fn finish(mut text: String, attribute: Option<&str>) -> String {
    if let Some(attribute) = attribute {
        text.push_str("/@");
        text.extend(attribute.chars().take(LONGEST_NAME));
    }
    text
}

fn predicate(node: Node<'_, '_>) -> String {
    let same = |other: &Node<'_, '_>| other.tag_name() == node.tag_name();
    let has_previous =
        node.prev_siblings().skip(1).filter(Node::is_element).take(COUNTED_SIBLINGS).any(|n| same(&n));
    let has_next =
        || node.next_siblings().skip(1).filter(Node::is_element).take(COUNTED_SIBLINGS).any(|n| same(&n));
    let key = KEYS.iter().find_map(|&key| {
        let value = node.attribute(key)?;
        let plain = value.len() <= LONGEST_NAME && !value.chars().any(is_unsafe);
        plain.then(|| format!("[@{key}={}]", quote(value)))
    });
    match key {
        Some(key) => key,
        None if has_previous || has_next() => position(node, |n| same(n)),
        None => String::new(),
    }
}

fn position(node: Node<'_, '_>, same: impl Fn(&Node<'_, '_>) -> bool) -> String {
    let before = node.prev_siblings().skip(1).filter(Node::is_element).take(COUNTED_SIBLINGS);
    let counted: Vec<bool> = before.map(|n| same(&n)).collect();
    if counted.len() == COUNTED_SIBLINGS {
        return String::new();
    }
    format!("[{}]", counted.iter().filter(|same| **same).count() + 1)
}

fn by_positions(path: &[Node<'_, '_>], attribute: Option<&str>) -> String {
    let text = path.iter().fold(String::new(), |mut text, node| {
        text.push_str("/*");
        text.push_str(&position(*node, |_| true));
        text
    });
    finish(text, attribute)
}

/// Control and direction characters, which could make a citation read as something else.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
