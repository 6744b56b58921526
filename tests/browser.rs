//! The HTML of every fixture in a real browser: nothing leaves the page, the picture has a node for each fact, everybody
//! can read it, and the keyboard is enough.
//!
//! With `IISKEYS_SCREENSHOTS=FOLDER` each page is kept as pictures there.

#[path = "support/browser.rs"]
mod browser;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use browser::Browser;
use iiskeys_fixtures::layout::Layout;
use iiskeys_fixtures::machine::{Machine, Os};
use serde_json::{Value, json};
use support::{run, workspace};

fn start() -> Option<Browser> {
    Browser::start().map_err(|why| println!("skipped: {why}")).ok()
}

/// The HTML and the JSON of the same evidence.
fn both(evidence: &Path, folder: &Path, name: &str) -> (PathBuf, Value) {
    let page = folder.join(format!("{name}.html"));
    let evidence = evidence.to_string_lossy().into_owned();
    let words = ["diagnose", &evidence, "--fail-on", "never", "--format"];
    let html = run(words.iter().copied().chain(["html"]));
    assert!(matches!(html.code, Some(0 | 3)), "{name}: {}", html.stderr);
    fs::write(&page, html.stdout).expect("a file");
    (page, run(words.iter().copied().chain(["json"])).json())
}

fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn rows(value: &Value) -> impl Iterator<Item = &Value> + Clone {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn lower(value: &Value) -> Option<String> {
    value.as_str().map(str::to_lowercase)
}

/// What errors name and no other part of the report has: what is down, and the files and values that they are about.
fn named_by_errors(report: &Value, users: &BTreeSet<&str>) -> usize {
    let errors = rows(&report["findings"]).filter(|row| row["severity"] == "error");
    let plain = |name: &str| name.strip_prefix("service ").unwrap_or(name).to_owned();
    let mut known: BTreeSet<String> = users.iter().map(|name| plain(name)).collect();
    for row in rows(&report["bindings"]).filter(|row| !row["site"].is_null()) {
        let endpoint = row["endpoint"].as_str().expect("an endpoint").trim_end_matches(':');
        known.insert(format!("HTTPS of site {} ({endpoint})", row["site"].as_str().expect("a site")));
    }
    let down: BTreeSet<String> = errors.clone().flat_map(|row| strings(&row["affects"])).map(plain).collect();
    let about: BTreeSet<&str> = errors
        .filter_map(|row| row["subject"].as_str())
        .filter(|subject| !subject.ends_with("\\MachineGuid"))
        .filter(|subject| subject.starts_with("file:") || subject.starts_with("value:"))
        .collect();
    down.difference(&known).count() + about.len()
}

/// How many nodes the picture must have, from the report alone and without the code that draws it.
fn facts(report: &Value) -> usize {
    let guid = &report["machine"]["machine_guid"];
    let mut guids: BTreeSet<String> =
        rows(&report["guid_census"]).filter_map(|row| lower(&row["guid"])).collect();
    guids.extend([&guid["value"], &guid["unreplayed_value"]].into_iter().filter_map(lower));
    let unknown_guid = usize::from(guid.is_null());

    let bound: BTreeSet<&str> =
        rows(&report["bindings"]).filter_map(|row| row["certificate"].as_str()).collect();
    let certificates: Vec<&Value> = rows(&report["certificates"])
        .filter(|row| {
            !row["link"].is_null()
                || rows(&row["used_by"]).count() > 0
                || bound.contains(row["id"].as_str().unwrap())
        })
        .collect();
    let linked: BTreeSet<&str> = certificates
        .iter()
        .flat_map(|row| strings(&row["by_name"]).chain(strings(&row["by_key"])))
        .chain(rows(&report["bindings"]).filter_map(|row| row["file"].as_str()))
        .collect();
    let providers = rows(&report["config"]["providers"]);
    let named: BTreeSet<String> = providers.clone().filter_map(|row| lower(&row["key_container"])).collect();
    let bad: BTreeSet<&str> = rows(&report["findings"])
        .filter(|row| row["severity"] != "note")
        .filter_map(|row| row["subject"].as_str()?.strip_prefix("container:"))
        .collect();
    let place = |row: &Value| (row["store"].to_string(), row["prefix"].to_string());
    let needs: BTreeSet<_> = rows(&report["needed"]).map(place).collect();
    let has_node = |row: &Value| {
        !row["well_known"].is_null()
            || rows(&row["needed_by"]).count() > 0
            || ["empty", "damaged", "incomplete"].contains(&row["state"].as_str().unwrap())
            || linked.contains(row["id"].as_str().unwrap())
            || bad.contains(row["id"].as_str().unwrap())
            || needs.contains(&place(row))
            || lower(&row["name"]).is_some_and(|name| named.contains(&name))
    };
    let containers = rows(&report["key_containers"]);
    let shown = containers.clone().filter(|row| has_node(row)).count();
    let files: BTreeSet<_> =
        containers.clone().filter(|row| row["standing"] != "set-aside").map(place).collect();
    let missing = rows(&report["needed"]).filter(|row| !files.contains(&place(row))).count();
    let of = |row: &Value| (lower(&row["guid"]), row["store"].to_string());
    let mut counted: BTreeMap<_, i64> = BTreeMap::new();
    for row in rows(&report["container_groups"]) {
        *counted.entry(of(row)).or_default() += row["count"].as_i64().expect("a number");
    }
    for row in containers {
        let change = i64::from(!has_node(row)) - i64::from(row["in_groups"] == true);
        *counted.entry(of(row)).or_default() += change;
    }
    let counted = counted.values().filter(|&&count| count > 0).count();

    let mut users: BTreeSet<&str> = rows(&report["needed"]).flat_map(|row| strings(&row["users"])).collect();
    users.extend(providers.clone().flat_map(|row| strings(&row["users"])));
    for row in rows(&report["certificates"]) {
        users.retain(|user| !strings(&row["used_by"]).any(|name| name == *user));
    }
    let bindings = rows(&report["bindings"]).count();
    guids.len()
        + named_by_errors(report, &users)
        + unknown_guid
        + shown
        + missing
        + counted
        + providers.count()
        + certificates.len()
        + bindings
        + users.len()
}

/// Texts whose contrast with what is behind them is less than WCAG AA asks for. In a picture that is the last rectangle
/// below the text, on a page the next coloured element around it.
const CONTRAST: &str = r#"(() => {
  const parse = text => { const n = text.match(/[\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const over = (top, below) => top.slice(0, 3).map((v, i) => v * top[3] + below[i] * (1 - top[3])).concat(1);
  const light = c => { const [r, g, b] = c.map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; });
    return .2126 * r + .7152 * g + .0722 * b; };
  const around = element => { const layers = [];
    for (let e = element; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); layers.push(c); if (c[3] === 1) break; }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]); };
  const behind = element => { const svg = element.ownerSVGElement; if (!svg) return around(element);
    const t = element.getBoundingClientRect(), x = t.x + t.width / 2, y = t.y + t.height / 2; let found = around(svg);
    for (const rect of svg.querySelectorAll('rect')) { const r = rect.getBoundingClientRect(), fill = getComputedStyle(rect).fill;
      const before = rect.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (before && fill !== 'none' && r.left <= x && x <= r.right && r.top <= y && y <= r.bottom) found = over(parse(fill), found); }
    return found; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT); const poor = []; let seen = 0;
  while (walker.nextNode()) { const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || ['title', 'desc', 'style'].includes(element.localName) || !element.checkVisibility()) continue;
    seen++; const style = getComputedStyle(element), below = behind(element);
    const front = over(parse(element.ownerSVGElement ? style.fill : style.color), below), size = parseFloat(style.fontSize);
    const [a, b] = [light(front), light(below)].sort((p, q) => q - p), ratio = (a + .05) / (b + .05);
    const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
    if (ratio < (large ? 3 : 4.5)) poor.push(`${ratio.toFixed(2)} ${element.localName}.${element.getAttribute('class')} ${node.data.trim().slice(0, 40)}`); }
  return { seen, poor }; })()"#;

/// What a reader of the structure stumbles over.
const STRUCTURE: &str = r#"(() => { const wrong = [], ids = new Set();
  for (const e of document.querySelectorAll('[id]')) { if (ids.has(e.id)) wrong.push('twice: ' + e.id); ids.add(e.id); }
  for (const e of document.querySelectorAll('[aria-labelledby]')) for (const id of e.getAttribute('aria-labelledby').split(' ')) if (!ids.has(id)) wrong.push('no label: ' + id);
  for (const e of document.querySelectorAll('a[href]')) if (!e.getAttribute('href').startsWith('#') || !ids.has(e.getAttribute('href').slice(1))) wrong.push('link: ' + e.getAttribute('href'));
  let level = 0; for (const h of document.querySelectorAll('h1,h2,h3,h4,h5,h6')) { const own = +h.localName[1]; if (own > level + 1) wrong.push('skipped: ' + h.textContent); level = own; if (!h.textContent.trim()) wrong.push('empty heading'); }
  for (const t of document.querySelectorAll('table')) { if (!t.caption || !t.caption.textContent.trim()) wrong.push('a table without a caption'); for (const h of t.querySelectorAll('th')) if (!h.scope) wrong.push('no scope: ' + h.textContent); }
  for (const s of document.querySelectorAll('svg')) if (!s.hasAttribute('aria-hidden') && s.getAttribute('role') !== 'img') wrong.push('a picture without a role');
  for (const name of ['header', 'nav', 'main', 'footer', 'h1', 'title']) if (document.querySelectorAll((name === 'title' ? 'head>' : '') + name).length !== 1) wrong.push('not one ' + name);
  if (document.documentElement.lang !== 'en') wrong.push('no language');
  if (document.querySelector('script,iframe,object,embed,img,link,form')) wrong.push('something that does not belong here');
  return wrong; })()"#;

const FOCUSABLE: &str =
    "[...document.querySelectorAll('a[href],summary,[tabindex=\"0\"]')].filter(e => e.checkVisibility())";

fn set_folded(browser: &mut Browser, open: bool) {
    browser.eval(&format!("document.querySelectorAll('details').forEach(it => it.open = {open})"));
}

fn check_keyboard(browser: &mut Browser, name: &str) {
    let count = browser.eval(&format!("(window.stops = {FOCUSABLE}).length")).as_u64().expect("a number");
    assert!(count >= 8, "{name}: {count} stops");
    for number in 0..count {
        browser.press("Tab");
        let state = browser.eval(
            "(() => { const e = document.activeElement, s = getComputedStyle(e); \
             return [stops.indexOf(e), s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2, e.outerHTML.slice(0, 80)] })()",
        );
        assert_eq!((&state[0], &state[1]), (&json!(number), &json!(true)), "{name}: {}", state[2]);
    }
    if browser.eval("!!document.querySelector('details:not([open])')") == true {
        browser.eval(
            "(window.fold = document.querySelector('details:not([open])')).querySelector('summary').focus()",
        );
        for (key, open) in [("Enter", true), (" ", false)] {
            browser.press(key);
            assert_eq!(browser.eval("fold.open"), open, "{name}: {key:?} on a summary");
        }
    }
}

fn check_page(browser: &mut Browser, name: &str, page: &Path) {
    browser.window(1280, 900);
    browser.media("screen", "light");
    browser.open(page);
    assert_eq!(browser.eval(STRUCTURE), json!([]), "{name}");
    check_keyboard(browser, name);
    set_folded(browser, true);
    for scheme in ["light", "dark"] {
        browser.media("screen", scheme);
        let contrast = browser.eval(CONTRAST);
        assert!(contrast["seen"].as_u64() > Some(50), "{name}: {contrast}");
        assert_eq!(contrast["poor"], json!([]), "{name} in {scheme}");
    }
    browser.window(360, 740);
    for open in [true, false] {
        set_folded(browser, open);
        let over = browser.eval(
            "document.scrollingElement.scrollWidth <= innerWidth ? '' : [...document.body.querySelectorAll('*')].filter(e => \
             !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 90)).join(' | ') || 'wide'",
        );
        assert_eq!(over, "", "{name} at 360 px");
    }
    browser.window(1280, 900);
    browser.media("print", "light");
    let hidden = browser.eval(
        "[...document.querySelectorAll('details:not([open])')].filter(it => { const inner = it.querySelector('.fold'); \
         return !inner.checkVisibility() || inner.getBoundingClientRect().height < 10 || !document.elementFromPoint }).length",
    );
    assert_eq!(hidden, 0, "{name}: folded on paper");
    let contrast = browser.eval(CONTRAST);
    assert_eq!(contrast["poor"], json!([]), "{name} on paper");
    let pdf = browser.call("Page.printToPDF", json!({"printBackground": false}));
    assert!(
        pdf["data"].as_str().is_some_and(|data| data.starts_with("JVBER") && data.len() > 20_000),
        "{name}"
    );
    assert_eq!(browser.complaints(), Vec::<String>::new(), "{name}");
    assert_eq!(
        browser.requests(),
        [format!("file://{}", page.display())],
        "{name}: only the page itself is loaded"
    );
}

fn keep_pictures(browser: &mut Browser, name: &str, page: &Path) {
    let Some(folder) = std::env::var_os("IISKEYS_SCREENSHOTS").map(PathBuf::from) else { return };
    fs::create_dir_all(&folder).expect("a folder for the pictures");
    for (look, media, scheme, width) in [
        ("light", "screen", "light", 1280),
        ("dark", "screen", "dark", 1280),
        ("narrow", "screen", "light", 360),
        ("print", "print", "light", 794),
    ] {
        browser.window(width, 900);
        browser.media(media, scheme);
        browser.open(page);
        browser.screenshot(&folder.join(format!("{name}-{look}.png")), None);
        for part in ["header", "#chain", "#timeline", "#findings"] {
            if browser.eval(&format!("!!document.querySelector('{part}')")) == true {
                let file = format!("{name}-{look}-{}.png", part.trim_start_matches('#'));
                browser.screenshot(&folder.join(file), Some(part));
            }
        }
    }
}

#[test]
fn every_fixture_is_a_page_that_everybody_can_read_and_that_loads_nothing() {
    let Some(mut browser) = start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut cases: Vec<PathBuf> = fs::read_dir(workspace().join("fixtures"))
        .expect("fixtures")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    cases.retain(|case| case.join("evidence").is_dir());
    cases.sort();
    assert!(cases.len() > 10);
    for case in cases {
        let name = case.file_name().expect("a name").to_string_lossy().into_owned();
        let (page, report) = both(&case.join("evidence"), folder.path(), &name);
        check_page(&mut browser, &name, &page);
        let drawn = browser.eval("document.querySelectorAll('#chain figure svg.picture .node').length");
        assert_eq!(drawn, facts(&report), "{name}: nodes in the picture");
        let lines = browser.eval("document.querySelectorAll('#timeline svg .moment').length");
        assert_eq!(lines, rows(&report["timeline"]).count().min(60), "{name}: lines of the timeline");
        keep_pictures(&mut browser, &name, &page);
    }
}

#[test]
fn names_that_want_to_be_markup_are_text() {
    let Some(mut browser) = start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut machine = Machine::new(Os::Server2012R2);
    let hostile = "</title></style><script>fetch('http://192.0.2.1/a')</script><img src=x onerror=alert(1)>\u{202e}&quot;'\"]]>-->";
    machine.set(
        "Microsoft\\Windows NT\\CurrentVersion",
        "ProductName",
        iiskeys_fixtures::hive::Data::Sz(hostile.to_owned()),
    );
    let keys = machine.machine_keys();
    for (path, bytes) in Layout::DriveRoot.files(&machine) {
        let path = folder.path().join("case").join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }
    let (page, report) = both(&folder.path().join("case"), folder.path(), "hostile");
    assert_eq!(report["machine"]["os"].as_str().map(|os| os.starts_with("</title>")), Some(true), "{keys}");
    check_page(&mut browser, "hostile", &page);
    let shown = browser.eval("document.querySelector('dl.facts').textContent");
    let shown = shown.as_str().expect("a text");
    assert!(shown.contains("<script>fetch(") && shown.contains("\\u{202e}&quot;"), "{shown}");
    keep_pictures(&mut browser, "hostile", &page);
}

#[test]
fn the_checks_see_what_is_wrong_with_a_page() {
    let Some(mut browser) = start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("bad.html");
    let text = "<!DOCTYPE html><html><head><title>bad</title></head><body><h1 id='a'>one</h1><h3 id='a'>three</h3>\
                <p style='color:#999'>pale</p><svg><rect width='90' height='40' fill='#444'/><text y='20' fill='#666'>dim\
                </text></svg><a href='http://192.0.2.1/'>away</a><img src='nothing.png'><table><tr><th>x</th></tr></table>\
                <script>console.error('told')</script></body></html>";
    fs::write(&page, text).expect("a file");
    browser.window(1280, 900);
    browser.media("screen", "light");
    browser.open(&page);
    let poor = browser.eval(CONTRAST)["poor"].to_string();
    assert!(poor.contains("pale") && poor.contains("dim") && !poor.contains("three"), "{poor}");
    let wrong = browser.eval(STRUCTURE).to_string();
    for part in [
        "twice: a",
        "skipped: three",
        "link: http",
        "caption",
        "scope",
        "picture without a role",
        "not one main",
        "belong",
    ] {
        assert!(wrong.contains(part), "{part} in {wrong}");
    }
    assert!(browser.complaints().iter().any(|it| it.contains("told")), "{:?}", browser.complaints());
    assert!(browser.requests().len() > 1, "{:?}", browser.requests());
}
