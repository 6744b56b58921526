//! What the rules need, where it stands on a server, and how it is gathered there: one list for reports and collectors.
//!
//! A report asks for an [`Item`] by its [`Need`], and each form of a collector's definition is printed from the same list, so
//! that the two can never differ.
//!
//! ```
//! use iiskeys_core::collect::{Form, Request};
//!
//! let kape = Form::by_name("kape").expect("a form");
//! assert!(kape.print(&Request::all(false)).contains("MachineKeys"));
//! ```

mod acquire;
mod azure;
mod catalogue;
mod definition;
mod forms;
mod item;
mod kape;
mod list;
mod powershell;
mod shorthand;
mod velociraptor;

pub use catalogue::ITEMS;
pub use definition::Request;
pub use forms::{FORMS, Form};
pub use item::{Base, Item, Place, Secret, Source};

use crate::machine::Need;

/// The item of that name.
pub fn by_name(name: &str) -> Option<&'static Item> {
    ITEMS.iter().find(|item| item.name == name)
}

/// The item that fills a need.
pub fn of(need: Need) -> Option<&'static Item> {
    ITEMS.iter().find(|item| item.need == Some(need))
}

/// Exactly what to collect for a need.
pub fn what(need: Need) -> &'static str {
    of(need).map_or("", |item| item.what)
}

#[cfg(test)]
mod tests;
