//! CPU of serving ranges of hot files, against nginx alone: the yardstick that every machine has.

use std::error::Error;
use std::path::Path;

use loadtest::client::Amount;
use loadtest::measure::Report;
use loadtest::server::Server;

use super::bench::{Bench, SERVER_CORE};
use super::serving::{self, Case, Contender, Files, Load, in_turns};
use super::versus::peers::{self, COPY, Peer, SENDFILE, nginx};

const CASES: [Case; 2] = [("64 KiB", Amount::Range(64 * 1024)), ("1 MiB", Amount::Range(1024 * 1024))];

#[derive(clap::Args)]
pub(crate) struct Media {
    #[command(flatten)]
    load: Load,
    /// Put a second nginx, set up like the first, in Landfall's place: whatever is not 1.0 then is the harness's own error
    #[arg(long)]
    self_check: bool,
}

impl Media {
    pub(crate) fn name(&self) -> &'static str {
        if self.self_check { "media-self-check" } else { "media" }
    }
}

/// What is measured against nginx.
enum Candidate {
    Landfall(Server),
    Nginx(Peer),
}

pub(crate) fn run(bench: &Bench, options: &Media, home: &Path) -> Result<Report, Box<dyn Error>> {
    let root = home.join("plain");
    let files = Files::write(home, &root, &options.load)?;
    let start = |name, directory: &str, sending| nginx(name, &home.join(directory), &root, SERVER_CORE, sending);
    let candidate = if options.self_check {
        Candidate::Nginx(start("nginx again", "nginx-again", COPY)?)
    } else {
        Candidate::Landfall(files.landfall(bench, home)?)
    };
    let candidate_as_contender: Contender = match &candidate {
        Candidate::Landfall(server) => server.into(),
        Candidate::Nginx(peer) => peer.into(),
    };
    let name = candidate_as_contender.name;
    let with_sendfile = start("nginx sendfile", "nginx-sendfile", SENDFILE)?;
    let with_copies = start("nginx copy", "nginx-copy", COPY)?;
    let contenders = vec![candidate_as_contender, (&with_sendfile).into(), (&with_copies).into()];
    let found = in_turns(contenders, &CASES, &files, &options.load, bench.rounds())?;

    let version = peers::version("nginx", "-v")?;
    let mut parameters = options.load.parameters(&files);
    parameters["nginx"] = version.clone().into();
    let mut report = Report::new(options.name(), parameters);
    for ((label, _), found) in CASES.iter().zip(found) {
        let [candidate, sendfile, copy] = [&found[0].cpu, &found[1].cpu, &found[2].cpu];
        let best = if options.self_check || copy.median <= sendfile.median { copy } else { sendfile };
        let ratio = serving::ratio(format!("{label}: CPU of {name} / best nginx"), candidate, best);
        report.measures.push(if options.self_check { ratio } else { ratio.at_most(1.0) });
        found.into_iter().for_each(|found| found.tell(&mut report));
    }
    report.remarks.push(format!(
        "{version}; {}; best nginx: the one with the lower median, compared round by round",
        options.load.remark(&files)
    ));
    Ok(report)
}
