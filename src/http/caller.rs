//! Who sends a request: the token by header or cookie, a link by its URL, and what the role allows.

mod link;
mod standing;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};

use super::app::App;
use super::fields::Fields;
use super::problem::Problem;
use crate::auth::{Caller, Credentials, Denied, Role};

pub use link::{identify_for, recognise_for};
pub use standing::{Brought, Standing};

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
pub fn credential<'a>(request: &'a (impl Fields + ?Sized), cookie: &str) -> Option<Credential<'a>> {
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
fn credentials(request: &(impl Fields + ?Sized)) -> Result<Credentials, Denied> {
    Credentials::new(request.values(&AUTHORIZATION).next(), request.values(&COOKIE))
}

/// Who sends a request that changes nothing, if its token has been seen before, or its cookie a moment ago.
fn recognise(app: &App, request: &(impl Fields + ?Sized)) -> Option<Arc<Caller>> {
    if let Some(anyone) = app.parts.auth.anyone() {
        return Some(anyone);
    }
    if let Some(forward) = app.parts.auth.forward() {
        return forward.recall(&credentials(request).ok()?);
    }
    match credential(request, &app.options.cookie)? {
        Credential::Header(token) | Credential::Cookie(token) => app.parts.auth.recall(token),
    }
}

/// Who sends a request with these headers.
pub async fn identify(app: &App, method: &Method, headers: &HeaderMap) -> Result<Arc<Caller>, Problem> {
    if let Some(anyone) = app.parts.auth.anyone() {
        guard_origin(app, method, headers)?;
        return Ok(anyone);
    }
    if let Some(forward) = app.parts.auth.forward() {
        let credentials = credentials(headers).map_err(|denied| Problem::denied(&denied))?;
        if credentials.are_ambient() {
            guard_origin(app, method, headers)?;
        }
        return forward.ask(&credentials).await.map_err(|denied| Problem::denied(&denied));
    }
    let token = match credential(headers, &app.options.cookie) {
        Some(Credential::Header(token)) => token,
        Some(Credential::Cookie(token)) => {
            guard_origin(app, method, headers)?;
            token
        }
        None => return Err(Problem::denied(&Denied::Missing)),
    };
    app.parts.auth.verify(token).await.map_err(|denied| Problem::denied(&denied))
}

/// A browser sends our cookie along with whatever a foreign page posts: such a request is not its user's wish.
fn guard_origin(app: &App, method: &Method, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    if method.is_safe() || origin.to_str().is_ok_and(|origin| app.allows(origin)) {
        return Ok(());
    }
    Err(Problem::forbidden("foreign_origin", "the Origin is not in allowed_origins"))
}

impl FromRequestParts<Arc<App>> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        identify(app, &parts.method, &parts.headers).await.map(Known)
    }
}

impl FromRequestParts<Arc<App>> for Service {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = identify(app, &parts.method, &parts.headers).await?;
        if caller.role < Role::Service && app.parts.auth.anyone().is_none() {
            return Err(Problem::forbidden("role_too_low", "this route is for the role service"));
        }
        Ok(Self)
    }
}

impl FromRequestParts<Arc<App>> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let caller = identify(app, &parts.method, &parts.headers).await?;
        if caller.role < Role::Admin {
            return Err(Problem::forbidden("role_too_low", "this route is for the roles admin and service"));
        }
        Ok(Self(caller))
    }
}

/// The other end of the connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// Whose address counts for the bounds. A proxy on this machine or in a private network is believed about whom it
/// speaks for: only the last hop of `X-Forwarded-For`, which it wrote itself.
pub fn client_address(Peer(peer): Peer, headers: &HeaderMap) -> IpAddr {
    let near = match peer.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    };
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back().and_then(|line| line.to_str().ok());
    let last = forwarded.and_then(|line| line.rsplit(',').next()?.trim().parse().ok());
    last.filter(|_| near).unwrap_or(peer)
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
}
