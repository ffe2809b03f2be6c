//! Who sends a request: the token by header or cookie, a link by its URL, and what the role allows.

mod link;
mod standing;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, Uri};

use super::app::App;
use super::deeds::Asker;
use super::fields::Fields;
use super::limits::{Reached, is_near};
use super::problem::Problem;
use crate::auth::{Caller, Credentials, Denied, Forward, Role};
use crate::recording::Timestamp;

pub use link::{identify_for, recognise_for};
pub use standing::{Brought, Standing};

/// Whom a proxy speaks for.
static FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A caller whose token was good.
pub struct Known(pub Arc<Caller>);

/// A caller that may do what the service role may.
pub struct Service;

/// A caller that may do what the admin role may, in its scope.
pub struct Admin(pub Arc<Caller>);

/// Where a token was found.
pub enum Credential<'a> {
    /// `Authorization: Bearer`
    Header(&'a str),
    /// The configured cookie.
    Cookie(&'a str),
}

/// The token of a request, if it has one. A bearer header comes before a cookie; other schemes belong to a proxy.
pub fn credential<'a>(request: &'a impl Fields, cookie: &str) -> Option<Credential<'a>> {
    if let Some(header) = request.text(&AUTHORIZATION) {
        let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Credential::Header(token.trim()));
        }
    }
    let mut pairs =
        request.lines(&COOKIE).flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == cookie).map(|(_, token)| Credential::Cookie(token.trim_matches('"')))
}

/// All that a request brings to be known by, for an endpoint that is asked.
fn credentials(request: &impl Fields) -> Result<Credentials, Denied> {
    Credentials::new(request.values(&AUTHORIZATION).next(), request.values(&COOKIE))
}

/// Who sends a request that changes nothing, if its token has been seen before, or its cookie a moment ago. Looks at no `Origin`, and
/// counts nothing.
pub fn recognise(app: &App, request: &impl Fields) -> Option<Arc<Caller>> {
    recognise_until(app, request).map(|(caller, _)| caller)
}

/// The same, and until when that holds for whoever sends just that again, where it does.
pub fn recognise_until(app: &App, request: &impl Fields) -> Option<(Arc<Caller>, Option<Timestamp>)> {
    if let Some(anyone) = app.parts.auth.anyone() {
        let until = anyone.expires;
        return Some((anyone, Some(until)));
    }
    if let Some(forward) = app.parts.auth.forward() {
        // How long the endpoint's answer is believed is known there alone.
        return Some((forward.recall(&credentials(request).ok()?)?, None));
    }
    match credential(request, &app.options.cookie)? {
        Credential::Header(token) | Credential::Cookie(token) => {
            app.parts.auth.recall(token).map(|(caller, until)| (caller, Some(until)))
        }
    }
}

/// Why nobody was signed in.
pub enum Refused {
    /// The token is not good.
    Denied(Denied),
    /// Too many have come from there that nobody has signed.
    TooOften(Reached),
}

/// Whose token this is.
pub async fn sign_in(app: &App, token: &str, from: Option<IpAddr>) -> Result<Arc<Caller>, Refused> {
    let auth = &app.parts.auth;
    counted_sign_in(app, from, auth.has_seen(token), auth.verify(token)).await
}

/// Whose credentials these are, by the endpoint that is asked.
async fn ask(
    app: &App,
    forward: &Forward,
    credentials: &Credentials,
    from: Option<IpAddr>,
) -> Result<Arc<Caller>, Refused> {
    counted_sign_in(app, from, forward.recall(credentials).is_some(), forward.ask(credentials)).await
}

/// Somebody who was good once is let in whatever others at that address are trying.
async fn counted_sign_in(
    app: &App,
    from: Option<IpAddr>,
    has_been_seen: bool,
    verdict: impl Future<Output = Result<Arc<Caller>, Denied>>,
) -> Result<Arc<Caller>, Refused> {
    if !has_been_seen {
        app.limits.may_sign_in(from).map_err(Refused::TooOften)?;
    }
    verdict.await.map_err(|denied| {
        if denied.is_a_guess() {
            // Whether that was one too many is told to the next.
            let _ = app.limits.sign_in_failed(from);
        }
        Refused::Denied(denied)
    })
}

/// Who sends a request with these headers.
pub async fn identify(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    from: Option<IpAddr>,
) -> Result<Arc<Caller>, Problem> {
    if let Some(anyone) = app.parts.auth.anyone() {
        guard_origin(app, method, headers)?;
        return Ok(anyone);
    }
    if let Some(forward) = app.parts.auth.forward() {
        let credentials = credentials(headers).map_err(|denied| Problem::denied(&denied))?;
        if credentials.are_ambient() {
            guard_origin(app, method, headers)?;
        }
        return ask(app, forward, &credentials, from).await.map_err(Problem::from);
    }
    let token = match credential(headers, &app.options.cookie) {
        Some(Credential::Header(token)) => token,
        Some(Credential::Cookie(token)) => {
            guard_origin(app, method, headers)?;
            token
        }
        None => return Err(Problem::denied(&Denied::Missing)),
    };
    sign_in(app, token, from).await.map_err(Problem::from)
}

/// The same for a request that counts: one for anything but a recording's bytes.
async fn admit(app: &App, parts: &Parts) -> Result<Arc<Caller>, Problem> {
    let from = counted(parts);
    let caller = identify(app, &parts.method, &parts.headers, from).await;
    if let (Ok(caller), Some(asker)) = (&caller, parts.extensions.get::<Asker>()) {
        asker.is(caller);
    }
    app.limits.request(caller.as_deref().ok(), from)?;
    caller
}

/// A browser sends our cookie along with whatever a foreign page posts: such a request is not its user's wish.
fn guard_origin(app: &App, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    if method.is_safe() || origin.to_str().is_ok_and(|origin| app.allows(origin)) {
        return Ok(());
    }
    Err(Problem::forbidden("foreign_origin", "the Origin is not in allowed_origins"))
}

/// A request for a recording's bytes, as far as it tells who asks and for what.
pub struct Asking {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// The address that it counts for.
    pub from: Option<IpAddr>,
    /// Where it is noted who that is.
    asker: Asker,
}

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let from = counted(parts);
        let asker = parts.extensions.get::<Asker>().cloned().unwrap_or_default();
        let (method, uri, headers) = (parts.method.clone(), parts.uri.clone(), parts.headers.clone());
        Ok(Self { method, uri, headers, from, asker })
    }
}

impl FromRequestParts<Arc<App>> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        admit(app, parts).await.map(Known)
    }
}

/// Whether a caller may do what the service role may. Where nobody is asked who they are, everybody may.
pub fn may_serve(app: &App, caller: &Caller) -> bool {
    caller.role >= Role::Service || app.parts.auth.anyone().is_some()
}

impl FromRequestParts<Arc<App>> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = admit(app, parts).await?;
        if !may_serve(app, &caller) {
            return Err(Problem::forbidden("role_too_low", "this route is for the role service"));
        }
        Ok(Self)
    }
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = admit(app, parts).await?;
        if caller.role < Role::Admin {
            return Err(Problem::forbidden("role_too_low", "this route is for the roles admin and service"));
        }
        Ok(Self(caller))
    }
}

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Whose address counts for the bounds on sockets, and stands in the audit. A proxy on this machine or in a private network
/// is believed about whom it speaks for: only the last hop of `X-Forwarded-For`, which it wrote itself.
pub fn client_address(peer: Peer, request: &impl Fields) -> IpAddr {
    forwarded_for(peer, request).unwrap_or(peer.0)
}

/// Whose address counts for the bounds on requests. Nobody's where one in the own network says of nobody else: that is
/// a back end, or a proxy whose clients cannot be told apart.
pub fn counted_address(peer: Peer, headers: &HeaderMap) -> Option<IpAddr> {
    forwarded_for(peer, headers).or_else(|| (!is_near(peer.0)).then_some(peer.0))
}

fn counted(parts: &Parts) -> Option<IpAddr> {
    parts.extensions.get::<Peer>().and_then(|peer| counted_address(*peer, &parts.headers))
}

fn forwarded_for(Peer(peer): Peer, request: &impl Fields) -> Option<IpAddr> {
    if !is_near(peer) {
        return None;
    }
    let forwarded = request.lines(&FORWARDED_FOR).last();
    forwarded.and_then(|line| line.rsplit(',').next()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn token(headers: &HeaderMap) -> Option<&str> {
        credential(headers, "session").map(|credential| match credential {
            Credential::Header(token) | Credential::Cookie(token) => token,
        })
    }

    #[test]
    fn a_header_comes_before_a_cookie_and_other_schemes_count_for_nothing() {
        assert_eq!(token(&headers(&[("authorization", "bearer a.b"), ("cookie", "session=c")])), Some("a.b"));
        assert_eq!(token(&headers(&[("cookie", "x=1; session=c; y=2")])), Some("c"));
        assert_eq!(token(&headers(&[("authorization", "Basic abc")])), None);
        assert_eq!(token(&headers(&[("authorization", "Basic abc"), ("cookie", "session=c")])), Some("c"));
        assert_eq!(token(&headers(&[("authorization", "Bearer"), ("cookie", "session=c")])), Some(""));
        assert_eq!(token(&headers(&[("cookie", "sessions=c")])), None);
    }

    #[test]
    fn only_a_near_proxy_is_believed_and_only_its_own_word() {
        let forwarded = headers(&[("x-forwarded-for", "6.6.6.6, 7.7.7.7")]);
        let seen_from = |peer: &str| client_address(Peer(peer.parse().unwrap()), &forwarded).to_string();
        assert_eq!(seen_from("127.0.0.1"), "7.7.7.7");
        assert_eq!(seen_from("10.1.2.3"), "7.7.7.7");
        assert_eq!(seen_from("8.8.8.8"), "8.8.8.8");
    }

    #[test]
    fn one_in_the_own_network_who_speaks_for_nobody_is_not_counted_by_address() {
        let counted = |peer: &str, headers: &HeaderMap| {
            counted_address(Peer(peer.parse().unwrap()), headers).map(|address| address.to_string())
        };
        let (silent, forwarded) = (HeaderMap::new(), headers(&[("x-forwarded-for", "7.7.7.7")]));
        assert_eq!(counted("10.1.2.3", &silent), None);
        assert_eq!(counted("10.1.2.3", &forwarded).as_deref(), Some("7.7.7.7"));
        assert_eq!(counted("8.8.8.8", &forwarded).as_deref(), Some("8.8.8.8"));
    }
}
