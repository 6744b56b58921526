//! From the text of an event, as the crate writes it, to the event.

use std::borrow::Cow;

use iiskeys_evidence::{Precision, Timestamp};
use roxmltree::{Document, Node, ParsingOptions};

use crate::artifact::event_log::{Datum, Event};

/// The most elements and texts of one event.
const NODE_LIMIT: u32 = 200_000;

/// The event in `xml`, whose record has this number and time in case it does not say them itself.
pub(super) fn event(xml: &str, record: u64, written: Option<Timestamp>) -> Result<Event, String> {
    let xml = presentable(xml);
    let options = ParsingOptions { nodes_limit: NODE_LIMIT, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&xml, options).map_err(|error| error.to_string())?;
    let root = document.root_element();
    let system = child(root, "System").ok_or("it has no System element")?;
    let text = |name| child(system, name).map(|node| text_of(node)).filter(|text| !text.is_empty());
    let created = child(system, "TimeCreated").and_then(|node| node.attribute("SystemTime"));
    let provider = child(system, "Provider").and_then(|node| node.attribute("Name"));
    let id = text("EventID").ok_or("it has no EventID")?;
    let own = text("EventRecordID").and_then(|number| number.trim().parse().ok());
    let mut event = Event {
        record: own.unwrap_or(record),
        time: created.and_then(time).or(written).ok_or("it has no time")?,
        provider: provider.unwrap_or_default().to_owned(),
        id: id.trim().parse().map_err(|_| format!("its EventID is {id:?}"))?,
        level: text("Level").and_then(|level| level.trim().parse().ok()).unwrap_or(0),
        channel: text("Channel"),
        computer: text("Computer").unwrap_or_default(),
        data: Vec::new(),
        binary: Vec::new(),
    };
    for part in root.children().filter(Node::is_element) {
        match part.tag_name().name() {
            "EventData" => event_data(part, &mut event),
            "UserData" => user_data(part, &mut event),
            _ => {}
        }
    }
    Ok(event)
}

fn event_data(part: Node<'_, '_>, event: &mut Event) {
    for node in part.children().filter(Node::is_element) {
        match node.tag_name().name() {
            "Binary" => event.binary.extend(hex(&text_of(node))),
            "Data" => event
                .data
                .push(Datum { name: node.attribute("Name").map(str::to_owned), text: text_of(node) }),
            other => event.data.push(Datum { name: Some(other.to_owned()), text: text_of(node) }),
        }
    }
}

/// The innermost elements of what a provider made up itself, by their names, and every attribute as `Element/@name`:
/// CAPI2 keeps its codes in attributes.
fn user_data(part: Node<'_, '_>, event: &mut Event) {
    for wrapper in part.children().filter(Node::is_element) {
        for node in wrapper.descendants().filter(|node| node.is_element() && *node != wrapper) {
            let element = node.tag_name().name();
            if !node.children().any(|child| child.is_element()) {
                event.data.push(Datum { name: Some(element.to_owned()), text: text_of(node) });
            }
            for attribute in node.attributes() {
                let name = Some(format!("{element}/@{}", attribute.name()));
                event.data.push(Datum { name, text: attribute.value().to_owned() });
            }
        }
    }
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.has_tag_name_of(name))
}

/// Names are compared without their namespace, which damaged logs may lack.
trait TagName {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl TagName for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter(Node::is_text).filter_map(|node| node.text()).collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.trim().as_bytes().as_chunks::<2>().0.iter();
    digits
        .map_while(|pair| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok()))
        .collect()
}

/// `2022-10-11T19:26:52.0456558Z`, with up to seven digits of a fraction.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let (date, clock) = text.strip_suffix('Z')?.split_once(['T', ' '])?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut date = date.splitn(3, '-');
    let mut clock = clock.splitn(3, ':');
    let day = (date.next()?.parse().ok()?, date.next()?.parse().ok()?, date.next()?.parse().ok()?);
    let moment = (clock.next()?.parse().ok()?, clock.next()?.parse().ok()?, clock.next()?.parse().ok()?);
    let ticks: u64 = format!("{fraction:0<7}").get(..7)?.parse().ok()?;
    let seconds = Timestamp::from_civil(day, moment, Precision::Tick)?.filetime();
    Timestamp::from_filetime(seconds.checked_add(ticks)?)
}

/// The text without characters that XML cannot have, and with its carriage returns kept.
fn presentable(xml: &str) -> Cow<'_, str> {
    let is_strange = |c: char| (c < ' ' && c != '\t' && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}');
    if !xml.contains(is_strange) {
        return Cow::Borrowed(xml);
    }
    let mut out = String::with_capacity(xml.len() + 16);
    for c in xml.chars() {
        match c {
            '\r' => out.push_str("&#13;"),
            c if is_strange(c) => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_providers_own_elements_are_their_texts_and_attributes() {
        let xml = "<Event><System><Provider Name='Microsoft-Windows-CAPI2'/><EventID>70</EventID>\
                   <TimeCreated SystemTime='2022-10-11T19:26:52.0456558Z'/></System><UserData>\
                   <CryptAcquireCertificatePrivateKey><Certificate subjectName='web'/>\
                   <Result value='80090016'>Keyset does not exist</Result>\
                   </CryptAcquireCertificatePrivateKey></UserData></Event>";
        let event = event(xml, 1, None).expect("an event");
        assert_eq!(event.named("Certificate/@subjectName"), Some("web"));
        assert_eq!(event.named("Result/@value"), Some("80090016"));
        assert_eq!(event.named("Result"), Some("Keyset does not exist"));
    }
}
