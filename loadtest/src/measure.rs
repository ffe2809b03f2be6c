//! Tools of measuring: clock, percentiles, processes seen from outside, the machine, reports; knows no server and no protocol.

pub mod arrivals;
pub mod clock;
pub mod machine;
pub mod process;
mod report;
mod samples;

pub use report::{Measure, Report, number, table};
pub use samples::{Samples, Summary, median};
