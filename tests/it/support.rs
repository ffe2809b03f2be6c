//! A server on free ports with a provider of its own, and clients that know its tokens.

mod audio;
pub mod installed;
mod login;
mod process;
mod server;
mod socket;
mod token;

pub use audio::{wav, wav_header};
pub use login::Login;
pub use process::Process;
pub use server::{Bench, Knobs, jwt_options};
pub use socket::Socket;
pub use token::{SECRET, sign, token};
