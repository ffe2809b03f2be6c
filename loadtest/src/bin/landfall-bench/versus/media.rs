//! Serving hot files: Landfall against the servers of files and the caches that others would put in its place.

use std::error::Error;
use std::path::Path;

use loadtest::client::Amount;
use loadtest::measure::{Measure, Report};

use super::peers::{self, COPY, SENDFILE, caddy, h2o, nginx, varnish};
use super::unpaced;
use crate::bench::{Bench, SERVER_CORE};
use crate::serving::{self, Case, Contender, Files, Found, Load, in_turns};

const SMALL: &str = "64 KiB";
const CASES: [Case; 3] =
    [(SMALL, Amount::Range(64 * 1024)), ("1 MiB", Amount::Range(1024 * 1024)), ("2 MiB whole", Amount::Whole)];

#[derive(clap::Args)]
pub(crate) struct Media {
    #[command(flatten)]
    load: Load,
    /// In a network of its own, where nobody's segments wait for a timer, as they do by BBR; as root
    #[arg(long)]
    unpaced: bool,
}

impl Media {
    pub(crate) fn name(&self) -> &'static str {
        if self.unpaced { "versus-media-unpaced" } else { "versus-media" }
    }
}

pub(crate) fn run(bench: &Bench, options: &Media, home: &Path) -> Result<Report, Box<dyn Error>> {
    if options.unpaced {
        unpaced::enter().map_err(|error| format!("no network of its own: {error}; --unpaced takes root"))?;
    }
    let root = home.join("plain");
    let files = Files::write(home, &root, &options.load)?;
    let core = SERVER_CORE;
    let server = files.landfall(bench, home)?;
    let with_sendfile = nginx("nginx sendfile", &home.join("nginx-sendfile"), &root, core, SENDFILE)?;
    let peers = [
        nginx("nginx copy", &home.join("nginx-copy"), &root, core, COPY)?,
        h2o(&home.join("h2o"), &root, core)?,
        caddy(&home.join("caddy"), &root, core)?,
        varnish(&home.join("varnish"), with_sendfile.address(), Some(core), files.bytes())?,
    ];
    let mut contenders: Vec<Contender> = vec![(&server).into(), (&with_sendfile).into()];
    contenders.extend(peers.iter().map(Contender::from));
    let found = in_turns(contenders, &CASES, &files, &options.load, bench.rounds())?;

    let versions = [
        peers::version("nginx", "-v")?,
        peers::version("h2o", "--version")?,
        peers::version("caddy", "version")?,
        peers::version("varnishd", "-V")?,
    ];
    let mut parameters = options.load.parameters(&files);
    parameters["peers"] = versions.to_vec().into();
    let mut report = Report::new(options.name(), parameters);
    for ((label, _), found) in CASES.iter().zip(found) {
        judge(&mut report, label, found);
    }
    report.remarks.push(format!("{}; {}", versions.join(", "), options.load.remark(&files)));
    report.remarks.push(
        "best peer: the one with the best median, compared round by round; Landfall judges a token with each request, the others let \
         everybody in; nobody logs; Varnish serves from its memory, the others from files in the page cache"
            .to_owned(),
    );
    report.remarks.push(format!(
        "congestion control of the machine: {}, by which nginx, h2o, Caddy and Varnish send; where that is BBR, Landfall sends by reno to who \
         is within a millisecond",
        unpaced::control()?
    ));
    Ok(report)
}

fn judge(report: &mut Report, label: &str, found: Vec<Found>) {
    let [landfall, peers @ ..] = found.as_slice() else { return };
    let by_median = |one: &&Measure, other: &&Measure| one.median.total_cmp(&other.median);
    if let Some(best) = peers.iter().map(|peer| &peer.cpu).min_by(by_median) {
        let name = format!("{label}: CPU of landfall / best peer");
        report.measures.push(serving::ratio(name, &landfall.cpu, best).at_most(0.9));
    }
    if let Some(best) = peers.iter().map(|peer| &peer.rate).max_by(by_median) {
        let ratio = serving::ratio(format!("{label}: rate of best peer / landfall"), best, &landfall.rate);
        report.measures.push(if label == SMALL { ratio.at_most(1.0) } else { ratio });
    }
    found.into_iter().for_each(|found| found.tell(report));
}
