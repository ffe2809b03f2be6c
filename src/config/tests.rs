//! What is a configuration and what is not, and that the documentation says the same.

mod auth;
mod call_log;
mod rq;

use proptest::prelude::*;

use super::*;

const SECRET: &str = "the HMAC secret of these tests, long enough";
const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
const DOC: &str = include_str!("../../docs/configuration.md");

fn vars<'a>(vars: &'a [(&'a str, &'a str)]) -> impl Iterator<Item = (String, String)> + 'a {
    vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
}

/// A file with a good secret above it.
fn good(file: &str) -> Config {
    Config::from_parts(file, vars(&[("LANDFALL_AUTH__JWT_SECRET", SECRET)])).unwrap()
}

fn with_vars(list: &[(&str, &str)]) -> Result<Config, Faults> {
    Config::from_parts("", vars(list).chain(vars(&[("LANDFALL_AUTH__JWT_SECRET", SECRET)])))
}

/// The faults of a file, as `key: what`, with a good secret above it.
fn faults(file: &str) -> Vec<String> {
    let faults = Config::from_parts(file, vars(&[("LANDFALL_AUTH__JWT_SECRET", SECRET)])).unwrap_err();
    faults.0.iter().map(|fault| format!("{}: {}", fault.key, fault.wrong.what)).collect()
}

fn the_fault(file: &str) -> Fault {
    let Faults(mut faults) = Config::from_parts(file, vars(&[])).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn a_secret_is_all_that_is_needed() {
    let config = good("");
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.public_url(config.listen), "http://127.0.0.1:8080");
    assert_eq!(config.allowed_origins, None);
    assert_eq!(config.volume, Path::new("./data/recordings"));
    assert_eq!(config.database_url, Database::Sqlite("./data/landfall.db".into()));
    assert_eq!((config.auth.mode, &*config.auth.tenant_claim), (AuthMode::Jwt, "business_id"));
    assert_eq!((config.media.link_ttl, config.shutdown_grace), (Duration::from_secs(600), Duration::from_secs(25)));
}

#[test]
fn without_any_key_nobody_could_log_in() {
    assert_eq!(the_fault("").key, "auth.jwt_secret");
}

#[test]
fn a_short_secret_is_refused_once_and_not_shown() {
    let fault = the_fault("auth.jwt_secret = 'too short to be safe'");
    assert_eq!((&*fault.key, &*fault.wrong.what), ("auth.jwt_secret", "has 20 bytes"));
    assert!(!fault.to_string().contains("too short"));
}

#[test]
fn without_authentication_only_loopback_is_listened_at() {
    for listen in ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:8080", "[::ffff:127.0.0.1]:8080", "localhost:8080"] {
        assert!(Config::from_parts(&format!("listen = '{listen}'\nauth.mode = 'none'"), vars(&[])).is_ok(), "{listen}");
    }
    for listen in ["0.0.0.0:8080", "[::]:8080", "192.168.1.5:8080"] {
        assert_eq!(the_fault(&format!("listen = '{listen}'\nauth.mode = 'none'")).key, "auth.mode");
    }
}

#[test]
fn all_faults_are_told_at_once_each_with_its_key_and_its_remedy() {
    let file = r#"
        listen = "everywhere"
        public_url = "ftp://example.com"
        allowed_orgins = ["https://example.com"]
        volume = 7
        [auth]
        mode = "open"
        [media]
        channels = 3
        link_ttl = 10
        [limits]
        sids_per_socket = 0
        [retention]
        max_bytes = "much"
    "#;
    let error = Config::from_parts(file, vars(&[("LANDFALL_WORKER__CONCURRENCY", "-1")])).unwrap_err();
    let text = error.to_string();
    for key in [
        "listen",
        "public_url",
        "allowed_orgins",
        "volume",
        "auth.mode",
        "media.channels",
        "media.link_ttl",
        "limits.sids_per_socket",
        "retention.max_bytes",
        "worker.concurrency (LANDFALL_WORKER__CONCURRENCY)",
    ] {
        assert!(text.contains(&format!("\n  {key} ")), "{key} in {text}");
    }
    assert_eq!(error.0.len(), 10, "{text}");
    assert!(error.0.iter().all(|fault| !fault.wrong.mend.is_empty()));
}

#[test]
fn a_slip_in_a_name_is_answered_with_the_name_that_was_meant() {
    let slip = |file: &str| Config::from_parts(file, vars(&[("LANDFALL_AUTH__JWT_SECRET", SECRET)])).unwrap_err();
    assert!(slip("media.chanels = 1").to_string().contains("looks like media.channels"));
    assert!(slip("media_channels = 1").to_string().contains("looks like media.channels"));
    assert!(slip("colour = 'red'").to_string().contains("docs/configuration.md"));
    assert!(slip("[medium]\nx = 1").to_string().contains("medium.x is no known key"));
}

#[test]
fn a_variable_that_looks_like_a_slip_is_a_fault_and_one_of_somebody_elses_is_not() {
    for slip in
        ["LANDFALL_AUTH_JWT_SECRET", "LANDFALL_VOLUMES", "LANDFALL_AUTH__AUDIENCE", "LANDFALL_MEDIA__FORMAT_FILE"]
    {
        let error = with_vars(&[(slip, "x")]).unwrap_err();
        assert_eq!(error.0[0].variable.as_deref(), Some(slip));
    }
    for other in
        ["LANDFALL_PORT", "LANDFALL_PORT_8080_TCP_ADDR", "LANDFALL_SERVICE_HOST", "LANDFALL_BIN", "LANDFALL_URL"]
    {
        assert!(with_vars(&[(other, "tcp://10.0.0.1:8080")]).is_ok(), "{other}");
    }
}

#[test]
fn a_variable_beats_the_file() {
    let set = [("LANDFALL_LISTEN", "127.0.0.1:9"), ("LANDFALL_MEDIA__LINK_TTL", "1h30m"), ("LANDFALL_VOLUME", "")];
    let file = format!("listen = '127.0.0.1:8'\nvolume = '/kept'\nauth.jwt_secret = '{SECRET}'\nmedia.link_ttl = '5s'");
    let config = Config::from_parts(&file, vars(&set)).unwrap();
    assert_eq!((config.listen.port(), config.media.link_ttl), (9, Duration::from_secs(5400)));
    assert_eq!(config.volume, Path::new("/kept"), "an empty variable is none");
}

#[test]
fn lists_and_sections_in_variables_are_json() {
    let config = with_vars(&[
        ("LANDFALL_ALLOWED_ORIGINS", r#"["https://a.example", "http://b.example:81/"]"#),
        ("LANDFALL_LIMITS", r#"{"sids_per_socket": 5, "message_bytes": 1024}"#),
        ("LANDFALL_LIMITS__MESSAGE_BYTES", "2048"),
        ("LANDFALL_MEDIA__HEAD_PREPARES", "true"),
    ])
    .unwrap();
    assert_eq!(config.allowed_origins.unwrap(), ["https://a.example", "http://b.example:81"]);
    assert_eq!((config.limits.sids_per_socket, config.limits.message_bytes), (5, 2048));
    assert!(config.media.head_prepares);
    let error = with_vars(&[("LANDFALL_ALLOWED_ORIGINS", "https://a.example")]).unwrap_err();
    assert_eq!(error.0[0].key, "allowed_origins");
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, format!("[{SECRET}\n")).unwrap();
    let path = path.to_str().unwrap();
    let by_variable = Config::from_parts("", vars(&[("LANDFALL_AUTH__JWT_SECRET_FILE", path)])).unwrap();
    let by_file = Config::from_parts(&format!("auth.jwt_secret_file = '{path}'"), vars(&[])).unwrap();
    for config in [by_variable, by_file] {
        assert_eq!(config.auth.jwt_secret, Some(Secret::new(&format!("[{SECRET}"))), "whole, without the line end");
    }
    let over = format!("auth.jwt_secret = '{}'", "y".repeat(40));
    let over = Config::from_parts(&over, vars(&[("LANDFALL_AUTH__JWT_SECRET_FILE", path)])).unwrap();
    assert_eq!(over.auth.jwt_secret, Some(Secret::new(&format!("[{SECRET}"))), "a variable beats the file");

    assert!(the_fault("auth.jwt_secret_file = '/nowhere'").wrong.what.contains("/nowhere"));
    let twice = the_fault(&format!("auth.jwt_secret = '{SECRET}'\nauth.jwt_secret_file = '{path}'"));
    assert_eq!((&*twice.key, &*twice.wrong.what), ("auth.jwt_secret", "is set twice, by value and by file"));
}

#[test]
fn accounts_have_secrets_tenants_and_keys() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "from-file\n").unwrap();
    let file = format!(
        "[[twilio.accounts]]\naccount_sid = '{ACCOUNT}'\nauth_token_file = '{}'\ntenant = 7\n
         [[twilio.accounts]]\naccount_sid = '{}'\nauth_token = 't'\napi_key = 'SK1'\napi_secret = 's'",
        path.display(),
        ACCOUNT.replace('0', "f"),
    );
    let config = good(&file);
    let options = config.twilio_options();
    assert_eq!((&*options.accounts[0].user, &*options.accounts[0].password), (ACCOUNT, "from-file"));
    assert_eq!((&*options.accounts[1].user, &*options.accounts[1].password), ("SK1", "s"));
    assert_eq!(config.twilio.accounts[0].tenant.as_ref().unwrap().as_str(), "7");
    let json = format!(r#"[{{"account_sid": "{ACCOUNT}", "auth_token": "t", "tenant": "x"}}]"#);
    assert_eq!(with_vars(&[("LANDFALL_TWILIO__ACCOUNTS", &json)]).unwrap().twilio.accounts.len(), 1);
    std::fs::write(&path, json).unwrap();
    let in_file = [("LANDFALL_TWILIO__ACCOUNTS_FILE", path.to_str().unwrap())];
    assert_eq!(with_vars(&in_file).unwrap().twilio.accounts.len(), 1);
}

#[test]
fn faults_of_an_account_name_the_account_and_the_member() {
    let file = "[[twilio.accounts]]\naccount_sid = 'AC1'\nauth_tokn = 'x'\napi_key = 'SK1'";
    let expected = [
        "twilio.accounts[0].auth_tokn: is no known key",
        "twilio.accounts[0].account_sid: is no account's SID",
        "twilio.accounts[0].auth_token: is missing",
        "twilio.accounts[0].api_key: and api_secret are a pair, and one is missing",
    ];
    assert_eq!(faults(file), expected);
    let twice = format!("[[twilio.accounts]]\naccount_sid = '{ACCOUNT}'\nauth_token = 'x'\n").repeat(2);
    assert_eq!(faults(&twice), ["twilio.accounts[1].account_sid: is listed twice"]);
    assert_eq!(faults("twilio.redirects = ['com']"), ["twilio.redirects: is neither an origin nor a domain"]);
    assert_eq!(faults("twilio.accounts = [7]")[0], "twilio.accounts[0]: is no table");
    assert_eq!(faults("twilio.accounts = 7"), ["twilio.accounts: is no list"]);
}

#[test]
fn urls_are_absolute_and_hide_nothing() {
    for bad in [
        "calls.example.com",
        "/path",
        "ftp://a.example",
        "http://",
        "javascript:alert(1)",
        "https://user:pw@a.example",
        "https://a.example/path",
        "https://a.example/?q",
        "https://a.example/#f",
        "https://a.example/x/..",
        "https://a.example\\\\b",
        "https://a.example/%2e%2e/",
        "https://a%22b.example",
        "",
    ] {
        assert_eq!(faults(&format!("public_url = \"{bad}\"")).len(), 1, "{bad}");
    }
    assert_eq!(good("public_url = 'https://Calls.Example.com:443/'").public_url.unwrap(), "https://calls.example.com");
    assert!(good("auth.jwks_url = 'https://a.example/.well-known/jwks.json?v=1'").auth.jwks_url.is_some());
    assert_eq!(faults("auth.jwks_url = 'https://a.example/x/../y'").len(), 1);
    assert_eq!(faults("allowed_origins = ['*']").len(), 1);
    assert_eq!(faults("allowed_origins = ['null']").len(), 1);
}

#[test]
fn the_public_url_follows_the_address_that_was_bound() {
    let url = |bound: &str| good("listen = '0.0.0.0:0'").public_url(bound.parse().unwrap());
    assert_eq!(url("0.0.0.0:41234"), "http://127.0.0.1:41234");
    assert_eq!(url("[::]:41234"), "http://[::1]:41234");
    assert_eq!(url("127.0.0.1:80"), "http://127.0.0.1", "as browsers write an origin");
}

#[test]
fn redis_is_named_by_a_url_that_is_never_shown() {
    for fine in ["redis://r", "rediss://:hunter2@r:6380/3", "redis://user:hunter2@r"] {
        let config = good(&format!("redis_url = '{fine}'"));
        assert!(config.redis_url.is_some() && !format!("{config:?}").contains("hunter2"));
    }
    for bad in ["http://:hunter2@r", "hunter2", "redis://:hunter2@r/many"] {
        let file = format!("redis_url = '{bad}'");
        let faults = Config::from_parts(&file, vars(&[("LANDFALL_AUTH__JWT_SECRET", SECRET)])).unwrap_err();
        assert_eq!((faults.0.len(), &*faults.0[0].key), (1, "redis_url"));
        assert!(!faults.to_string().contains("hunter2"), "{faults}");
    }
}

#[test]
fn a_database_is_a_file_of_sqlite_or_one_of_postgresql_whose_password_is_never_shown() {
    for good_one in ["postgres://u:hunter2@db/x", "postgresql://u:hunter2@db:6432/x?sslmode=verify-full"] {
        let database = good(&format!("database_url = '{good_one}'")).database_url;
        assert!(matches!(database, Database::Postgres(_)) && !format!("{database:?}").contains("hunter2"));
    }
    for bad in ["postgres://u:hunter2@/x?sslmode=no", "postgres://u:hunter2@db", "postgres://"] {
        let faults = faults(&format!("database_url = '{bad}'"));
        assert!(faults.len() == 1 && faults[0].starts_with("database_url: "), "{faults:?}");
        assert!(!faults[0].contains("hunter2"), "{faults:?}");
    }

    assert_eq!(good("database_url = 'sqlite:///var/x.db'").database_url, Database::Sqlite("/var/x.db".into()));
    for bad in ["sqlite://", "x.db", "mysql://a/b", "sqlite://x.db?mode=ro"] {
        assert_eq!(faults(&format!("database_url = '{bad}'")).len(), 1, "{bad}");
    }
}

#[test]
fn a_key_set_is_read_at_once_and_only_one_is_allowed() {
    let fault = the_fault("auth.jwks_file = '/nowhere.json'");
    assert!(fault.key == "auth.jwks_file" && fault.wrong.what.contains("/nowhere.json"), "{fault}");
    assert_eq!(the_fault("auth.jwks_file = 'x'\nauth.jwks_url = 'https://a.example/'").key, "auth.jwks_file");
    assert!(Config::from_parts("auth.jwks_url = 'https://a.example/jwks'", vars(&[])).is_ok());
}

#[test]
fn a_broken_file_is_told_by_its_line_and_not_by_its_text() {
    let error = Config::from_parts("listen = '127.0.0.1:1'\njwt_secret = 'hunter2", vars(&[])).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("landfall.toml is no TOML (line 2)") && !text.contains("hunter2"), "{text}");
}

#[test]
fn a_configuration_can_be_printed_without_its_secrets() {
    let file = format!("[[twilio.accounts]]\naccount_sid = '{ACCOUNT}'\nauth_token = 'hunter2'");
    let printed = format!("{:?}", good(&file));
    assert!(!printed.contains(SECRET) && !printed.contains("hunter2"));
}

#[test]
fn durations_and_sizes_are_read_as_people_write_them() {
    for (text, seconds) in [("25s", 25), ("10m", 600), ("2h", 7200), ("1d", 86_400), ("1h30m", 5400), ("0s", 0)] {
        assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
    }
    for bad in ["", "s", "10", "-1s", "1.5h", "10 m", "99999999999999999999s", "18446744073709551615d"] {
        assert_eq!(parse_duration(bad), None, "{bad}");
    }
    assert_eq!(good("retention.max_bytes = '10GiB'").retention.max_bytes, Some(10 << 30));
    assert_eq!(good("retention.max_bytes = 5000").retention.max_bytes, Some(5000));
    assert_eq!(faults("retention.max_bytes = 0").len(), 1);
}

/// The rows of the table of keys: key, default, variable.
fn rows() -> Vec<(String, String, String)> {
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let quoted = |cell: &str| cell.split('`').nth(1).map(str::to_owned);
        let default = if cells[2].starts_with('`') { quoted(cells[2]).unwrap_or_default() } else { String::new() };
        Some((quoted(cells.get(1)?)?, default, quoted(cells.get(3)?)?))
    };
    DOC.lines().filter(|line| line.starts_with("| `")).filter_map(row).collect()
}

#[test]
fn every_key_is_documented_with_its_variable_and_no_other_is() {
    let mut reader = Reader::new(FILE, "", vars(&[]));
    let _ = sections::read(&mut reader);
    let mut known: Vec<(String, String)> =
        reader.known.iter().map(|key| (key.clone(), reader::variable(key))).collect();
    let mut documented: Vec<(String, String)> = rows().into_iter().map(|(key, _, variable)| (key, variable)).collect();
    known.sort();
    documented.sort();
    assert_eq!(known, documented);
}

#[test]
fn the_documented_defaults_are_the_defaults() {
    let set =
        rows().into_iter().filter(|(_, default, _)| !default.contains('<')).map(|(_, default, var)| (var, default));
    let spelled_out = Config::from_parts(
        "",
        set.filter(|(_, default)| !default.is_empty()).chain(vars(&[("LANDFALL_AUTH__JWT_SECRET", SECRET)])),
    );
    assert_eq!(format!("{:?}", spelled_out.unwrap()), format!("{:?}", good("")));
}

#[test]
fn a_log_filter_with_letters_of_other_languages_is_refused() {
    for filter in ["a¡=", "פ=info", "info,ᔊ"] {
        assert_eq!(faults(&format!("log = {filter:?}")).len(), 1);
    }
}

proptest! {
    #[test]
    fn arbitrary_files_and_variables_never_panic(
        file in ".{0,80}", key in "[a-z_.]{1,20}", value in ".{0,20}", name in "LANDFALL_[A-Z_]{0,20}",
    ) {
        let _ = Config::from_parts(&file, vars(&[(&name, &value)]));
        let _ = Config::from_parts(&format!("{key} = {value:?}"), vars(&[]));
    }

    #[test]
    fn no_value_of_a_known_key_panics(row in any::<prop::sample::Index>(), value in ".{0,30}") {
        let rows = rows();
        let _ = with_vars(&[(&rows[row.index(rows.len())].2, &value)]);
    }
}
