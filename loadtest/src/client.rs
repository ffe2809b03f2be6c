//! Clients of Landfall that are lean enough to measure it from the same machine; they know its protocol, and no server's inside.

mod crowd;
mod frame;
mod http;
mod listeners;
mod ranges;
pub mod token;

pub use crowd::{Crowd, Got};
pub use http::{Http, Reply};
pub use listeners::{Heard, Listeners, Message};
pub use ranges::{Amount, File, Ranges, Transfer};
