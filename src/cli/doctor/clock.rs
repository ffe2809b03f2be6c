//! This machine's clock, held against those of others: tokens, links and signatures are good by it.

use reqwest::header::DATE;
use tokio::time::Instant;

use super::check::Check;
use super::door::PATIENCE;
use crate::config::Config;
use crate::recording::Timestamp;

const NAME: &str = "clock";
/// In milliseconds: more than the network can make it, and nearly the leeway of tokens.
const WARNS: i64 = 5_000;
/// In milliseconds: the leeway of tokens is 30 s.
const FAILS: i64 = 30_000;
/// A `Date` is cut to whole seconds (RFC 9110 §5.6.7): half a second is the middle of what it may have been.
const CUT: i64 = 500;

/// How far it is from the provider's and from the one behind `public_url`.
pub(super) async fn clock(config: &Config) -> Check {
    let provider = config.twilio.api_base.to_string();
    let public = config.public_url(config.listen);
    let (provider, public) = tokio::join!(offset(&provider), offset(&public));
    let told = [("the provider's", provider), ("public_url's", public)];
    let told: Vec<(&str, i64)> = told.into_iter().filter_map(|(whose, offset)| Some((whose, offset?))).collect();
    judge(&told)
}

fn judge(told: &[(&str, i64)]) -> Check {
    let Some((_, worst)) = told.iter().max_by_key(|(_, offset)| offset.abs()) else {
        return Check::skip(NAME, "neither the provider nor public_url tells the time");
    };
    let words = told.iter().map(|(whose, offset)| match *offset {
        near if near.abs() < 1500 => format!("agrees with {whose}"),
        offset => {
            let way = if offset > 0 { "ahead of" } else { "behind" };
            format!("is {} s {way} {whose}", (offset.abs() + CUT) / 1000)
        }
    });
    let detail = format!("this machine's clock {}", words.collect::<Vec<_>>().join(" and "));
    let mend = "timedatectl set-ntp true (or, with chrony: chronyc makestep); in a container: on its host";
    match worst.abs() {
        FAILS.. => Check::fail(NAME, format!("{detail}: tokens and links run out too early or too late"), mend),
        WARNS.. => Check::warn(NAME, detail, mend),
        _ => Check::ok(NAME, detail),
    }
}

/// Milliseconds by which we are ahead of whoever answers there; `None` if nobody does, or tells no time.
async fn offset(url: &str) -> Option<i64> {
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).timeout(PATIENCE).build().ok()?;
    let (begun, clock) = (Instant::now(), Timestamp::now());
    let answer = client.head(url).send().await.ok()?;
    // Somewhere between question and answer: the middle errs least.
    let asked = clock.plus(begun.elapsed() / 2);
    let told = httpdate::parse_http_date(answer.headers().get(DATE)?.to_str().ok()?).ok()?;
    let told = told.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis() as i64;
    Some(asked.0 - (told + CUT))
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;

    #[test]
    fn five_seconds_warn_and_thirty_fail_in_either_direction() {
        for (offset, status) in
            [(4_999, Status::Ok), (-5_000, Status::Warn), (29_999, Status::Warn), (-30_000, Status::Fail)]
        {
            assert_eq!(judge(&[("public_url's", 0), ("the provider's", offset)]).status, status, "{offset}");
        }
    }

    #[test]
    fn it_says_which_way_it_is_off() {
        assert!(judge(&[("the provider's", -60_000)]).detail.contains("is 60 s behind the provider's"));
        assert!(judge(&[("public_url's", 6_000)]).detail.contains("is 6 s ahead of public_url's"));
    }
}
