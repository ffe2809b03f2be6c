//! How long a client is willing to wait: `?wait=S`, or `Prefer: wait=S` (RFC 7240 §4.3).

use axum::http::{HeaderMap, Uri};
use tokio::time::Duration;

use crate::http::problem::Problem;

/// No request is held longer, whatever is asked for.
const LONGEST: u64 = 60;

/// What the request asks for; `None` where it asks for nothing.
pub(super) fn patience(uri: &Uri, headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let query = uri.query().unwrap_or_default();
    let asked = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "wait");
    if let Some((_, value)) = asked {
        let bad = || Problem::bad_request("bad_wait", "wait is a whole number of seconds, up to 60");
        return value.parse().map(bounded).map(Some).map_err(|_| bad());
    }
    // A preference that cannot be read is ignored (§2).
    let preferences = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok());
    let mut items = preferences.flat_map(|line| line.split([',', ';'])).map(str::trim);
    let wait = items.find_map(|item| {
        let (name, value) = item.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim().trim_matches('"').parse().ok())?
    });
    Ok(wait.map(bounded))
}

fn bounded(seconds: u64) -> Duration {
    Duration::from_secs(seconds.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(uri: &str, prefer: &str) -> Result<Option<u64>, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert("prefer", prefer.parse().unwrap());
        let asked = patience(&uri.parse().unwrap(), &headers).map_err(|problem| problem.code());
        asked.map(|patience| patience.map(|patience| patience.as_secs()))
    }

    #[test]
    fn the_query_comes_first_and_is_bounded() {
        assert_eq!(asked("/f?wait=5", "wait=7"), Ok(Some(5)));
        assert_eq!(asked("/f?wait=3600", ""), Ok(Some(60)));
        assert_eq!(asked("/f", "respond-async, wait=7"), Ok(Some(7)));
        assert_eq!(asked("/f", ""), Ok(None));
    }

    #[test]
    fn a_query_that_is_no_number_is_told_and_a_preference_ignored() {
        assert_eq!(asked("/f?wait=soon", ""), Err("bad_wait"));
        assert_eq!(asked("/f?wait=-1", ""), Err("bad_wait"));
        assert_eq!(asked("/f", "wait=soon"), Ok(None));
    }
}
