//! The addresses that browsers are told, held against each other. Asks nobody.

use url::Url;

use super::check::Check;
use crate::config::Config;

const NAME: &str = "origins";

/// Whether pages of `public_url` may call, and whether that is an address for others.
pub(super) async fn origins(config: &Config) -> Check {
    let own = config.public_url(config.listen);
    let Some(public) = &config.public_url else {
        return match config.listen.ip().is_loopback() {
            true => Check::ok(
                NAME,
                format!("public_url is not set: links and signatures are made for {own}, on this machine alone"),
            ),
            false => Check::warn(
                NAME,
                format!(
                    "public_url is not set, and others can reach {}: links and signatures are made for {own}",
                    config.listen
                ),
                "public_url = \"https://…\" (what browsers and Twilio call)",
            ),
        };
    };
    if let Some(allowed) = &config.allowed_origins
        && !allowed.contains(public)
    {
        let detail = format!("allowed_origins does not hold public_url: pages of {public} (the console) get no socket");
        return Check::warn(NAME, detail, line(config, public));
    }
    if is_open(public) {
        let detail = format!("{public} has no TLS: tokens, links and recordings can be read on the way");
        return Check::warn(
            NAME,
            detail,
            format!(
                "let a proxy with a certificate stand before it: public_url = \"{}\"",
                public.replacen("http", "https", 1)
            ),
        );
    }
    let others = config.allowed_origins.as_ref().map_or(0, |allowed| allowed.len() - 1);
    Check::ok(NAME, format!("pages of {public} may call, and those of {others} other origins"))
}

/// The line that lets pages of that origin call, beside those that may already.
pub(super) fn line(config: &Config, origin: &str) -> String {
    let others = config.allowed_origins.iter().flatten().map(String::as_str).filter(|other| *other != origin);
    let listed: Vec<String> = std::iter::once(origin).chain(others).map(|origin| format!("\"{origin}\"")).collect();
    format!("allowed_origins = [{}]", listed.join(", "))
}

/// Whether it is plain text to another machine.
fn is_open(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let is_near = match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => true,
    };
    url.scheme() == "http" && !is_near
}

#[cfg(test)]
mod tests {
    use super::super::check::Status;
    use super::*;

    async fn judged(more: &str) -> Check {
        let text = format!("{more}\nauth.jwt_secret = 'a secret of thirty-two bytes or more'");
        origins(&Config::from_parts(&text, []).unwrap()).await
    }

    #[tokio::test]
    async fn a_list_without_the_public_url_shuts_the_console_out() {
        let check = judged("public_url = 'https://a.example'\nallowed_origins = ['https://b.example']").await;
        assert_eq!(check.status, Status::Warn);
        assert_eq!(check.mend.unwrap(), "allowed_origins = [\"https://a.example\", \"https://b.example\"]");
        let check =
            judged("public_url = 'https://a.example'\nallowed_origins = ['https://b.example', 'https://a.example']");
        assert_eq!(check.await.status, Status::Ok);
    }

    #[tokio::test]
    async fn plain_text_to_others_warns_and_on_this_machine_does_not() {
        assert_eq!(judged("public_url = 'http://calls.example'").await.status, Status::Warn);
        assert_eq!(judged("public_url = 'http://localhost:8080'").await.status, Status::Ok);
        assert_eq!(judged("listen = '0.0.0.0:8080'").await.status, Status::Warn);
        assert_eq!(judged("").await.status, Status::Ok);
    }
}
