//! The report of an exam in five formats: for a terminal, for programs (JSON lines, JUnit XML), for
//! the summary of a CI run (Markdown), and as a page (HTML).
//!
//! Each is a function of a [`Report`](crate::Report) alone. Text that a port wrote is shown with
//! escapes for what would be invisible or would control a terminal or a page; only the JSON lines
//! hold strings as they are.

mod common;
mod html;
mod json;
mod junit;
mod markdown;
mod text;

pub use common::{counted, verdict_line, visible};
pub use html::{SectionUrl, html};
pub use json::json_lines;
pub use junit::junit;
pub use markdown::markdown;
pub use text::text;
