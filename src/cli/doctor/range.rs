//! What a proxy may do to the bytes: ranges and event streams, asked through `public_url` as browsers ask.

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, ETAG, RANGE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use tokio::time::{Duration, timeout};

use super::super::server::{Server, refusal};
use super::check::Check;
use super::door::knock;
use super::place::absolute;
use crate::auth::{Links, Opens, Purpose};
use crate::catalog::{self, Inspection, ListQuery, Row};
use crate::config::Config;
use crate::recording::{Scope, State};

const RANGES: &str = "range";
const BUFFERING: &str = "buffering";
/// How long the first event may be on its way: it is sent at once, and a proxy that collects keeps it for longer.
const FIRST_EVENT: Duration = Duration::from_secs(2);
const LINES: &str = "in nginx, where it passes /api/ on:\n\
    proxy_set_header Range $http_range;\n\
    proxy_set_header If-Range $http_if_range;\n\
    proxy_buffering off;\n\
    proxy_cache off;\n\
    gzip off;";

/// Whether a part of a recording can be had: without that, no player can seek.
pub(super) async fn range(config: &Config) -> Check {
    let server = match knock(RANGES, config).await {
        Ok(server) => server,
        Err(check) => return check,
    };
    let row = match landed(config).await {
        Ok(row) => row,
        Err(why) => return Check::skip(RANGES, why),
    };
    let request = match opening(config, &server, &row).await {
        Ok(path) => path,
        Err(why) => return Check::skip(RANGES, why),
    };
    let size = row.1.media.map_or(0, |media| media.size);
    match parts(&server, &request, size).await {
        Ok(()) => Check::ok(
            RANGES,
            format!("a part of {} comes through {}: 206, and 416 beyond its end", row.0.sid, server.base()),
        ),
        Err((detail, mend)) => Check::fail(RANGES, format!("{} through {}: {detail}", row.0.sid, server.base()), mend),
    }
}

type Wrong = (String, &'static str);

/// The first two bytes, and what lies beyond the end (RFC 9110 §15.3.7 and §15.5.17).
async fn parts(server: &Server, opening: &Opening, size: u64) -> Result<(), Wrong> {
    let ask = |range: String| async move {
        let request = opening.request(server).header(RANGE, range).header(ACCEPT_ENCODING, "gzip, br");
        request.send().await.map_err(|error| (server.unreachable(&error), "look into the proxy's log"))
    };
    let answer = ask("bytes=0-1".into()).await?;
    let header = |answer: &Response, name| {
        answer
            .headers()
            .get(name)
            .and_then(|value: &reqwest::header::HeaderValue| value.to_str().ok())
            .map(str::to_owned)
    };
    match answer.status() {
        StatusCode::PARTIAL_CONTENT => {}
        StatusCode::OK => return Err(("the whole came where a part was asked for: a proxy drops Range".into(), LINES)),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            let mend = "public_url leads to a server with other keys, or the proxy drops Authorization: use one configuration for both";
            return Err((format!("our own token is refused: {}", refusal(answer).await), mend));
        }
        StatusCode::NOT_FOUND => {
            let mend = "public_url leads to a server with another catalog, or the proxy changes paths: proxy_pass without a path";
            return Err(("a landed recording is unknown there (404)".into(), mend));
        }
        _ => return Err((refusal(answer).await, "see the checks of volume and catalog, and the server's log")),
    }
    if let Some(encoding) = header(&answer, CONTENT_ENCODING) {
        return Err((format!("the part came compressed ({encoding})"), LINES));
    }
    if header(&answer, ETAG).is_some_and(|tag| tag.starts_with("W/")) {
        return Err(("the ETag was made weak on the way: a proxy compresses, and If-Range fails".into(), LINES));
    }
    let wanted = format!("bytes 0-1/{size}");
    let said = header(&answer, CONTENT_RANGE);
    if said.as_deref() != Some(&wanted) {
        return Err((format!("Content-Range is {}, and not {wanted}", said.as_deref().unwrap_or("missing")), LINES));
    }
    let bytes = answer.bytes().await.map_err(|error| (server.unreachable(&error), "look into the proxy's log"))?;
    if bytes.len() != 2 {
        return Err((format!("{} bytes came where 2 were asked for", bytes.len()), LINES));
    }
    let beyond = ask(format!("bytes={size}-")).await?;
    if beyond.status() != StatusCode::RANGE_NOT_SATISFIABLE {
        return Err((format!("{} came for what lies beyond the end, and not 416", beyond.status()), LINES));
    }
    Ok(())
}

/// Whether what is sent at once arrives at once: event streams hang where a proxy collects.
pub(super) async fn buffering(config: &Config) -> Check {
    let server = match knock(BUFFERING, config).await {
        Ok(server) => server,
        Err(check) => return check,
    };
    let sid = match landed(config).await {
        Ok(row) => row.0.sid,
        Err(why) => return Check::skip(BUFFERING, why),
    };
    let request = match server.request_as_service(Method::GET, &format!("/api/recordings/events?sid={sid}")) {
        Ok(request) => request,
        Err(why) => return Check::skip(BUFFERING, format!("no token can be signed for it: {why}")),
    };
    let first = timeout(FIRST_EVENT, async {
        let mut answer = request.send().await?;
        let status = answer.status();
        let chunk = if status == StatusCode::OK { answer.chunk().await? } else { None };
        Ok::<_, reqwest::Error>((status, chunk))
    });
    let base = server.base();
    match first.await {
        Ok(Ok((StatusCode::OK, Some(_)))) => {
            Check::ok(BUFFERING, format!("events come through {base} when they are sent"))
        }
        Ok(Ok((status, _))) => {
            let mend = "see the check of range: whatever is wrong there is wrong here";
            Check::fail(BUFFERING, format!("no event came through {base} ({status})"), mend)
        }
        Ok(Err(error)) => Check::fail(BUFFERING, server.unreachable(&error), "look into the proxy's log"),
        Err(_) => {
            let detail =
                format!("no event came through {base} within {} s: a proxy collects answers", FIRST_EVENT.as_secs());
            Check::fail(BUFFERING, detail, LINES)
        }
    }
}

/// A recording to try it with; else why there is none.
async fn landed(config: &Config) -> Result<Row, String> {
    let found = match config.database_url.file() {
        Some(file) => {
            let unknown = |error| format!("no recording is known: {error}");
            let mut inspection = Inspection::open(&absolute(file)).await.map_err(unknown)?;
            let found = inspection.landed().await.map_err(|error| error.to_string())?;
            inspection.close().await;
            found
        }
        None => {
            let catalog = catalog::open(&config.database_url).await.map_err(|error| error.to_string())?;
            let query = ListQuery { after: None, limit: 1, state: Some(State::Ready), text: None };
            let page = catalog.list(&Scope::Every, &query).await.map_err(|error| error.to_string())?;
            page.items.into_iter().next()
        }
    };
    found.ok_or_else(|| "no recording has landed yet to try it with".into())
}

/// What opens the recording.
enum Opening {
    Token(String),
    Link(String),
}

impl Opening {
    fn request(&self, server: &Server) -> RequestBuilder {
        match self {
            // Whether a token can be signed has been tried before.
            Self::Token(path) => {
                server.request_as_service(Method::GET, path).unwrap_or_else(|_| server.request(Method::GET, path))
            }
            Self::Link(path) => server.request(Method::GET, path),
        }
    }
}

/// A token where a secret is configured; else a link, whose keys lie in the catalog.
async fn opening(config: &Config, server: &Server, (recording, _): &Row) -> Result<Opening, String> {
    let path = format!("/api/recordings/file/{}", recording.sid);
    if server.request_as_service(Method::GET, &path).is_ok() {
        return Ok(Opening::Token(path));
    }
    if let Some(file) = config.database_url.file() {
        // To open it for links would take the steps of the schema that are to be taken: that is the server's decision.
        let mut inspection = Inspection::open(&absolute(file)).await.map_err(|error| error.to_string())?;
        let steps = inspection.migrations().await.map_err(|error| error.to_string())?;
        inspection.close().await;
        if steps != (0, 0) {
            return Err("no link can be signed: the catalog has another version's schema".into());
        }
    }
    let catalog = catalog::open(&config.database_url).await.map_err(|error| error.to_string())?;
    let links = Links::new(catalog, config.media.link_ttl);
    let opens = Opens { purpose: Purpose::Play, tenant: &recording.tenant, sid: recording.sid };
    let link = links.sign(opens, "landfall-cli").await.map_err(|error| error.to_string())?;
    Ok(Opening::Link(format!("{path}?{}", link.query)))
}
