//! What was found of each contender in each case, as measures with their targets; knows not how it was found.

use loadtest::measure::{Measure, Report, Samples, median};

use super::{Case, Push, RENAME, Round, SIGNAL};
use crate::versus::peers::broker::Kind;
use crate::versus::thousands;

/// µs of CPU for one message at one of many sockets.
const CPU: f64 = 6.5;

/// The rounds of one contender in one case.
pub(super) struct Found {
    name: &'static str,
    pub(super) rounds: Vec<Round>,
}

impl Found {
    pub(super) fn of(name: &'static str) -> Self {
        Self { name, rounds: Vec::new() }
    }

    fn is_landfall(&self) -> bool {
        self.name == RENAME || self.name == SIGNAL
    }

    fn each(&self, value: impl Fn(&Round) -> f64) -> Vec<f64> {
        self.rounds.iter().map(value).collect()
    }
}

/// Value of a round, its name and unit, and whose median Landfall must not exceed.
type Figure = (&'static str, &'static str, fn(&Round) -> f64, Target);

enum Target {
    Of(Kind),
    Value(f64),
    None,
}

const SINGLE: [Figure; 3] = [
    ("p50", "µs", |round| round.before.summary().p50_us, Target::Of(Kind::Nchan)),
    ("p99", "µs", |round| round.before.summary().p99_us, Target::Of(Kind::Nchan)),
    ("CPU per delivery", "µs", cpu_us, Target::None),
];
const CROWD: [Figure; 2] = [
    ("last delivery", "ms", |round| round.last.summary().p50_us / 1e3, Target::Of(Kind::Uws)),
    ("CPU per delivery", "µs", cpu_us, Target::Value(CPU)),
];
/// The same from just after the system call.
const AFTER: [Figure; 2] = [
    ("p50", "µs", |round| round.after.summary().p50_us, Target::Of(Kind::Nchan)),
    ("p99", "µs", |round| round.after.summary().p99_us, Target::Of(Kind::Nchan)),
];

fn cpu_us(round: &Round) -> f64 {
    round.cpu.as_secs_f64() * 1e6
}

/// Adds everything to the report: `found` holds the contenders of each case.
pub(super) fn tell(report: &mut Report, found: &[Vec<Found>], options: &Push) {
    for (case, found) in Case::EVERY.into_iter().zip(found) {
        let label = match case {
            Case::One => "1 waiter".to_owned(),
            Case::Each => format!("{} sockets", thousands(options.sockets)),
            Case::All => format!("{} on one", thousands(options.many)),
        };
        let figures: &[Figure] = if case == Case::All { &CROWD } else { &SINGLE };
        for contender in found.iter().filter(|contender| !contender.rounds.is_empty()) {
            for figure in figures {
                report.measures.push(measure(&label, contender.name, contender, figure, found));
            }
            if case != Case::All && contender.name != SIGNAL {
                let call = if contender.name == RENAME { "rename" } else { "write" };
                let name = format!("{} (after {call})", contender.name.trim_end_matches(" (rename)"));
                for figure in &AFTER {
                    report.measures.push(measure(&label, &name, contender, figure, found));
                }
            }
            let rounds: Vec<Samples> = contender.rounds.iter().map(|round| round.before.clone()).collect();
            report.distribution(&format!("{label}, {}", contender.name), &rounds);
        }
    }
    report.remarks.extend([
        "each figure starts just before the system call that tells the server, or just after it where that is said, and ends right after the \
         client's read. Of peers, the call is the write of a POST with the message; of landfall (rename), the rename() of a whole file into the \
         volume, of which the file system takes a part before the moment of landing; of landfall (signal), the write of POST /internal/landed \
         about a file that got its name by link(), which inotify does not show. Targets compare the same starts"
            .to_owned(),
        "Landfall's sockets are authenticated, what lands is verified and noted in its catalog on disk, and its CPU includes that; the peers know \
         no users, look at nothing and keep nothing. All messages have the length of Landfall's `ready`"
            .to_owned(),
        "every message was checked: none lost, none twice, none on a wrong socket; all servers on core 0, client and publisher on core 1, in turns"
            .to_owned(),
    ]);
}

fn measure(label: &str, name: &str, of: &Found, (what, unit, value, target): &Figure, found: &[Found]) -> Measure {
    let measure = Measure::new(format!("{label}, {name}: {what}"), unit, of.each(value));
    let target = match target {
        Target::Of(kind) => {
            found.iter().find(|other| other.name == kind.name()).map(|other| median(&other.each(value)))
        }
        Target::Value(value) => Some(*value),
        Target::None => None,
    };
    match target {
        Some(target) if of.is_landfall() => measure.at_most(target),
        _ => measure,
    }
}
