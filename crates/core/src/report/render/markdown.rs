//! The report as Markdown, for a ticket: headings, lists, tables and blocks of commands, and nothing that only one tracker
//! understands. Everything from evidence is escaped or stands as code.

use std::fmt::Write;

use super::bounds::{Left, ROWS, bounded, line};
use super::{Look, words};
use crate::markdown::{block, cell, code, code_cell, escape};
use crate::report::{CollectRow, FindingRow, PlanRow, Report, StepRow};

/// The report as Markdown.
pub(super) fn render(whole: &Report, _: &Look) -> String {
    let (report, left) = bounded(whole);
    let report = report.as_ref();
    let mut out = Document(String::new());
    out.line(&format!("# Machine keys: {}", report.verdict.name()));
    out.paragraph(&escape(&report.summary));
    cause(&mut out, report);
    machine(&mut out, report, &left);
    down(&mut out, whole);
    plan(&mut out, whole, report, &left);
    findings(&mut out, whole, report, &left);
    cleanup(&mut out, report, &left);
    open(&mut out, report);
    out.paragraph(&escape(&words::made_by(report)));
    out.0
}

struct Document(String);

impl Document {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}");
    }

    fn heading(&mut self, level: usize, text: &str) {
        let _ = writeln!(self.0, "\n{} {text}", "#".repeat(level));
    }

    fn paragraph(&mut self, text: &str) {
        let _ = writeln!(self.0, "\n{text}");
    }

    /// A list below an empty line; nothing for an empty one.
    fn list(&mut self, items: impl IntoIterator<Item = String>) {
        for (at, item) in items.into_iter().enumerate() {
            let gap = if at == 0 { "\n" } else { "" };
            let _ = writeln!(self.0, "{gap}- {item}");
        }
    }

    /// How many rows of a list are not shown.
    fn rest(&mut self, more: Option<&String>) {
        if let Some(more) = more {
            self.paragraph(&escape(more));
        }
    }

    fn table(&mut self, heads: [&str; 2], rows: impl IntoIterator<Item = [String; 2]>) {
        let _ = writeln!(self.0, "\n| {} | {} |\n| --- | --- |", heads[0], heads[1]);
        for [left, right] in rows {
            let _ = writeln!(self.0, "| {left} | {right} |");
        }
    }
}

fn cause(out: &mut Document, report: &Report) {
    let Some(cause) = &report.root_cause else { return };
    out.heading(2, "Root cause");
    let rule = code(&cause.rule);
    out.paragraph(&format!("{} ({rule}, {})", escape(&cause.statement), escape(&cause.confidence)));
    if let Some(window) = words::window(cause.earliest.as_deref(), cause.latest.as_deref()) {
        out.paragraph(&escape(&window));
    }
}

fn machine(out: &mut Document, report: &Report, left: &Left) {
    let machine = &report.machine;
    let unknown = || "not in evidence".to_owned();
    let shown = |text: &Option<String>| text.as_deref().map_or_else(unknown, code_cell);
    let iis = match &machine.iis {
        Some(iis) => {
            iis.version.as_deref().map_or_else(|| "installed, version not in evidence".to_owned(), code_cell)
        }
        None => "not installed or not in evidence".to_owned(),
    };
    let mut rows = vec![
        ["Windows".to_owned(), shown(&machine.os)],
        ["Host".to_owned(), shown(&machine.hostname)],
        ["IIS".to_owned(), iis],
    ];
    let guid = machine.machine_guid.as_ref();
    rows.push([
        "MachineGuid".to_owned(),
        guid.map_or_else(|| words::no_guid(report).to_owned(), |guid| code_cell(&guid.value)),
    ]);
    if let Some(written) = guid.and_then(|guid| guid.key_last_written.as_deref()) {
        rows.push(["its key was last written".to_owned(), cell(written)]);
    }
    for row in &report.guid_census {
        let mark = if row.is_current { "current" } else { "other" };
        let noun = if row.containers == 1 { "container" } else { "containers" };
        let days = words::days(row.first_created.as_ref(), row.last_created.as_ref());
        let span = format!("{mark}, {} {noun}{days}", row.containers);
        rows.push(["GUID seen".to_owned(), format!("{} ({})", code_cell(&row.guid), cell(&span))]);
    }
    out.heading(2, "Machine");
    out.table(["what", "value"], rows);
    out.rest(left.guids.as_ref());
}

fn down(out: &mut Document, report: &Report) {
    let down = words::down(report);
    if down.is_empty() {
        return;
    }
    out.heading(2, "Down");
    out.table(
        ["what is down", "why"],
        down.iter().take(ROWS).map(|(name, causes)| [code_cell(name), cell(causes)]),
    );
    out.rest(line(down.len().saturating_sub(ROWS)).as_ref());
}

fn plan(out: &mut Document, whole: &Report, report: &Report, left: &Left) {
    if let Some(why) = words::no_plan(report) {
        out.heading(2, "Plan");
        out.paragraph(&escape(why));
    }
    let Some(plan) = &report.plan else { return };
    let titles = words::Titles::of(whole);
    out.heading(2, "Plan");
    out.paragraph(&escape(&plan.summary));
    steps(out, &plan.steps, true);
    if !plan.resolves.is_empty() {
        let more = line(plan.resolves.len().saturating_sub(ROWS)).map(|more| escape(&more));
        let ids: Vec<String> = plan.resolves.iter().take(ROWS).map(|id| code(id)).chain(more).collect();
        out.paragraph(&format!("Tried on the facts, it resolves {}.", ids.join(", ")));
    }
    out.list(plan.remaining.iter().map(|row| {
        format!("It leaves ({}): {}", words::level(row.severity), escape(&titles.remaining(row)))
    }));
    out.rest(left.remaining.as_ref());
    expect(out, plan, &titles, left);
    if !plan.alternatives.is_empty() {
        out.heading(2, "Alternatives");
    }
    for other in &plan.alternatives {
        out.heading(3, &code(&other.name));
        out.paragraph(&escape(&other.summary));
        out.list([
            format!("Not chosen: {}", escape(&other.reason)),
            format!("Cost: {}", escape(&other.cost)),
        ]);
        steps(out, &other.steps, false);
    }
    if !plan.prevent.is_empty() {
        out.heading(2, "So that it does not happen again");
        out.list(plan.prevent.iter().map(|advice| escape(advice)));
    }
}

/// Numbered steps. What belongs to a step hangs behind its number, as lists in Markdown want it.
fn steps(out: &mut Document, steps: &[StepRow], whole: bool) {
    for step in steps {
        let mark = format!("{}. ", step.order);
        let hang = " ".repeat(mark.len());
        out.paragraph(&format!("{mark}{}", escape(&step.detail)));
        if !step.commands.is_empty() {
            out.0.push('\n');
            out.0.push_str(&block(&hang, language(step.shell.as_deref()), &step.commands));
        }
        if whole {
            let parts = [("Risk", &step.risk), ("Undo", &step.undo), ("Verify", &step.verify)];
            out.0.push('\n');
            for (name, text) in parts {
                out.line(&format!("{hang}- {name}: {}", escape(text)));
            }
        }
    }
}

/// How renderers call the language of a shell.
fn language(shell: Option<&str>) -> &'static str {
    match shell {
        Some("cmd") => "bat",
        Some("powershell") => "powershell",
        _ => "text",
    }
}

fn expect(out: &mut Document, plan: &PlanRow, titles: &words::Titles<'_>, left: &Left) {
    if plan.expect.is_empty() {
        return;
    }
    out.heading(2, "After the repair, the next evidence must show");
    out.list(plan.expect.iter().map(|row| escape(&titles.expected(row))));
    out.rest(left.expect.as_ref());
}

fn findings(out: &mut Document, whole: &Report, report: &Report, left: &Left) {
    if report.findings.is_empty() {
        return;
    }
    out.heading(2, "Findings");
    let paths = words::paths(whole);
    for finding in &report.findings {
        out.heading(3, &format!("{}: {}", words::level(finding.severity), escape(&finding.title)));
        let FindingRow { rule, confidence, id, explanation, .. } = finding;
        out.paragraph(&format!("{}, {}, {}", code(rule), escape(confidence), code(id)));
        out.paragraph(&escape(explanation));
        out.list(finding.evidence.iter().map(|cite| {
            let path = paths.get(cite.evidence.as_str()).copied().unwrap_or_default();
            format!("{}, {}: {}", code(path), code(&cite.locator), escape(&cite.observed))
        }));
        if words::shows_remedies(report, finding) {
            out.paragraph("What would cure it:");
            out.list(finding.remedies.iter().map(|remedy| escape(remedy)));
        }
    }
    out.rest(left.findings.as_ref());
}

fn cleanup(out: &mut Document, report: &Report, left: &Left) {
    let Some(cleanup) = &report.cleanup else { return };
    out.heading(2, "Before the key folders are cleaned up");
    if !cleanup.keep.is_empty() {
        out.paragraph("These must stay:");
        out.list(cleanup.keep.iter().map(|row| {
            let name = row.name.as_ref().map(|name| format!(" ({})", escape(name))).unwrap_or_default();
            format!("{}{name}: {}", code(&row.container), escape(&row.why.join("; ")))
        }));
    }
    out.rest(left.keep.as_ref());
    if !cleanup.leftovers.is_empty() {
        out.paragraph("These look left behind:");
        out.list(cleanup.leftovers.iter().map(|row| {
            let guid = row.guid.as_ref().map(|guid| format!(" under {}", code(guid))).unwrap_or_default();
            let product = row.product.as_ref().map(|name| format!(", {}", escape(name))).unwrap_or_default();
            let days = escape(&words::days(row.first_day.as_ref(), row.last_day.as_ref()));
            let noun = if row.count == 1 { "container" } else { "containers" };
            let store = code(&row.store);
            let what = format!("{} {noun} {} in {store}{guid}{product}{days}", row.count, code(&row.pattern));
            format!("{what}: {}", escape(&row.basis))
        }));
    }
    if !cleanup.limits.is_empty() {
        out.paragraph("What this cannot know:");
        out.list(cleanup.limits.iter().map(|limit| escape(limit)));
    }
}

fn open(out: &mut Document, report: &Report) {
    if !report.assumptions.is_empty() {
        out.heading(2, "Assumed");
        out.list(report.assumptions.iter().map(|text| escape(text)));
    }
    out.heading(2, "Could not be checked");
    let open: Vec<_> = report.checks.iter().filter(|check| check.outcome == "not-evaluated").collect();
    if open.is_empty() {
        out.paragraph("Every rule of this version was evaluated.");
    }
    out.list(open.iter().map(|check| format!("{}: {}", code(&check.rule), escape(&check.reason))));
    let needs = words::needs(report);
    if report.collect.is_empty() && needs.is_empty() {
        return;
    }
    out.heading(2, "Collect");
    if report.collect.is_empty() {
        out.list(needs.into_iter().map(escape));
    }
    for row in &report.collect {
        collect(out, row);
    }
}

fn collect(out: &mut Document, row: &CollectRow) {
    let secret = if row.sensitive { " It holds secrets: send it encrypted." } else { "" };
    let rules: Vec<String> = row.rules.iter().map(|rule| code(rule)).collect();
    let rules = if rules.is_empty() { String::new() } else { format!(" (for {})", rules.join(", ")) };
    out.paragraph(&format!("- {}{rules}{secret}", escape(&row.what)));
    if !row.commands.is_empty() {
        out.0.push('\n');
        out.0.push_str(&block("  ", language(row.shell.as_deref()), &row.commands));
    }
}

#[cfg(test)]
mod tests {
    use pulldown_cmark::{Event, Options, Parser, Tag};

    use super::*;
    use crate::report::render::sample;
    use crate::visible::is_deceptive;

    /// What a parser makes of the report: its blocks in order, its prose and its code.
    struct Parsed {
        blocks: Vec<String>,
        prose: String,
        code: String,
    }

    fn parse(report: &Report) -> Parsed {
        let text = render(report, &Look::default());
        assert!(!text.chars().any(|letter| is_deceptive(letter) && letter != '\n'));
        let all = Options::ENABLE_TABLES
            | Options::ENABLE_STRIKETHROUGH
            | Options::ENABLE_TASKLISTS
            | Options::ENABLE_FOOTNOTES
            | Options::ENABLE_MATH
            | Options::ENABLE_GFM;
        let mut parsed = Parsed { blocks: Vec::new(), prose: String::new(), code: String::new() };
        let mut inside_block = false;
        for event in Parser::new_ext(&text, all) {
            match event {
                Event::Start(Tag::CodeBlock(_)) => {
                    inside_block = true;
                    parsed.blocks.push("code".to_owned());
                }
                Event::End(pulldown_cmark::TagEnd::CodeBlock) => inside_block = false,
                Event::Start(
                    tag @ (Tag::Heading { .. } | Tag::Item | Tag::TableCell | Tag::TableRow | Tag::Paragraph),
                ) => parsed.blocks.push(format!("{tag:?}")),
                Event::Start(Tag::List(_) | Tag::Table(_) | Tag::TableHead) | Event::End(_) => {}
                Event::Text(text) if inside_block => parsed.code.push_str(&text),
                Event::Text(text) => parsed.prose.push_str(&text),
                Event::Code(code) => parsed.code.push_str(&code),
                Event::SoftBreak => parsed.prose.push(' '),
                other => panic!("{other:?} in\n{text}"),
            }
        }
        parsed
    }

    #[test]
    fn nothing_from_evidence_becomes_markup() {
        let (plain, hostile) = (parse(&sample::full()), parse(&sample::hostile()));
        assert_eq!(hostile.blocks, plain.blocks, "no name makes a block of its own or ends one");
        for shown in ["<script>alert(1)</script>", "![c](http://d)", "*f* __g__", "&lt; &#60;", "\\u{a}"] {
            let everything = format!("{} {}", hostile.prose, hostile.code);
            assert!(everything.contains(shown), "{shown} is shown as it is");
        }
        for link in ["@", "://", "www.", "#1 "] {
            assert!(
                !hostile.prose.contains(link),
                "{link} stands as code, where no renderer looks for links"
            );
        }
    }

    #[test]
    fn every_case_is_plain_headings_lists_and_tables() {
        for case in sample::cases() {
            let report = sample::report(&case);
            let parsed = parse(&report);
            let headings = parsed.blocks.iter().filter(|block| block.contains("H3")).count();
            let others = report.plan.iter().map(|plan| plan.alternatives.len()).sum::<usize>();
            assert_eq!(headings, report.findings.len() + others, "{case}");
            for step in report.plan.iter().flat_map(|plan| &plan.steps) {
                for command in &step.commands {
                    assert!(parsed.code.contains(&format!("{command}\n")), "{case}: {command}");
                }
            }
        }
    }

    #[test]
    fn a_bar_in_a_name_does_not_end_a_cell() {
        let mut report = sample::full();
        report.machine.hostname = Some("a|b`|``c\\|d".to_owned());
        let text = render(&report, &Look::default());
        assert!(text.contains("| Host | ```a\\u{7c}b`\\u{7c}``c\\\\u{7c}d``` |"), "{text}");
        assert_eq!(parse(&report).blocks, parse(&sample::full()).blocks);
    }
}
