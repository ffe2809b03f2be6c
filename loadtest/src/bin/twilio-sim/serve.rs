//! `twilio-sim serve`: reads the arguments, starts the simulator, waits for Ctrl-C.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use loadtest::speech::Speech;
use loadtest::twilio::{Account, Faults, NewRecording, Options, Simulator, Traffic};
use tokio::signal::unix::{SignalKind, signal};

#[derive(clap::Args)]
pub(crate) struct Serve {
    /// Where the API listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9080")]
    listen: String,
    /// Where the other origin listens, which scripted redirects lead to
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    foreign_listen: String,
    /// What clients call the API, when it is not the address it listens on
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// What clients call the other origin
    #[arg(long, value_name = "URL")]
    foreign_url: Option<String>,
    /// Account SID (AC and 32 hex digits); made up and printed if left out
    #[arg(long, value_name = "SID", requires = "token")]
    account: Option<String>,
    /// Auth token of the account: opens the API and signs callbacks
    #[arg(long, value_name = "TOKEN", requires = "account")]
    token: Option<String>,
    /// API key SID (SK and 32 hex digits)
    #[arg(long, value_name = "SID", requires = "api_secret")]
    api_key: Option<String>,
    /// Secret of the API key
    #[arg(long, value_name = "SECRET", requires = "api_key")]
    api_secret: Option<String>,
    /// A pack made by `twilio-sim pack`, instead of the one compiled in
    #[arg(long, value_name = "FILE")]
    speech: Option<PathBuf>,
    /// Make SIDs and conversations repeat from one start to the next
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// So many completed recordings are there from the start
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    recordings: u32,
    /// A call comes in this often, e.g. 500ms, 5s, 2m
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    calls_every: Option<Duration>,
    /// The shortest call, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20)]
    shortest: u32,
    /// The longest call, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 240)]
    longest: u32,
    /// 1 for mono, 2 for dual-channel recordings
    #[arg(long, value_name = "1|2", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=2))]
    channels: u8,
    /// Announce completed recordings here
    #[arg(long, value_name = "URL", requires = "calls_every")]
    callback: Option<String>,
    /// The URL that callbacks are signed for, when it is not the one they are sent to
    #[arg(long, value_name = "URL", requires = "callback")]
    signed_url: Option<String>,
    /// What goes wrong with every recording, as JSON, e.g. '{"not_found":1,"latency_ms":200}'
    #[arg(long, value_name = "JSON", value_parser = faults)]
    faults: Option<Faults>,
}

#[tokio::main]
pub(crate) async fn run(options: Serve) -> Result<(), Box<dyn Error>> {
    let account = match (options.account, options.token) {
        (Some(sid), Some(auth_token)) => {
            Account { sid, auth_token, api_key: options.api_key, api_secret: options.api_secret }
        }
        _ => Account::example(1),
    };
    let speech = match &options.speech {
        Some(file) => Speech::load(file)?,
        None => Speech::shipped(),
    };
    let simulator = Simulator::start(Options {
        listen: options.listen,
        foreign_listen: options.foreign_listen,
        base_url: options.base_url,
        foreign_url: options.foreign_url,
        accounts: vec![account],
        speech,
        seed: options.seed,
    })
    .await?;
    if let Some(faults) = options.faults {
        simulator.set_global_faults(faults);
    }
    let spread = options.longest.saturating_sub(options.shortest) + 1;
    for number in 0..options.recordings {
        // A step that shares no divisor with most spreads visits short and long calls alike.
        let seconds = f64::from(options.shortest + number.wrapping_mul(37) % spread);
        simulator.add(NewRecording { seconds, channels: options.channels, ..Default::default() });
    }
    if let Some(every) = options.calls_every {
        simulator.start_traffic(Traffic {
            every,
            seconds: options.shortest..=options.longest,
            channels: options.channels,
            callback: options.callback,
            signed_url: options.signed_url,
            ..Default::default()
        });
    }
    println!("{}", simulator.base_url());
    println!("account {} token {}", simulator.account().sid, simulator.account().auth_token);
    println!("foreign origin {}", simulator.foreign_url());
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    simulator.shutdown().await;
    Ok(())
}

fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().map_err(|_| "it does not begin with a number".to_owned())?;
    match &text[split..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number * 60)),
        unit => Err(format!("{unit} is none of ms, s and m")),
    }
}

fn faults(text: &str) -> Result<Faults, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}
