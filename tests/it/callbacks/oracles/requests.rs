//! Requests of every kind that a signature is made for, from a seed.

use aws_lc_rs::digest;
use loadtest::twilio::signature::sign_form;
use serde::Serialize;
use serde_json::json;
use url::Url;

const HOSTS: [&str; 5] = ["calls.example.com", "calls.example.com", "Calls.Example.COM", "10.0.0.7", "localhost"];
const PORTS: [&str; 6] = ["", "", "", ":443", ":80", ":8443"];
const PATHS: [&str; 6] =
    ["/webhooks/twilio/recording-status", "/webhook/recording_status", "/", "/a%20b/%D7%A9", "/a'b(c)~d", "/שלום"];
/// Queries, and the same as Node's old encoder writes them.
const QUERIES: [(&str, &str); 18] = [
    ("", ""),
    ("", ""),
    ("", ""),
    ("?", "?"),
    ("?tenant=7", "?tenant=7"),
    ("?foo=1&bar=2", "?foo=1&bar=2"),
    ("?b=2&a=1&b=3", "?b=2&b=3&a=1"),
    ("?x=1&10=b&9=a", "?9=a&10=b&x=1"),
    ("?flag", "?flag="),
    ("?a=1&&b=&", "?a=1&b="),
    ("?who=O'Brien", "?who=O'Brien"),
    ("?who=%27x%27", "?who='x'"),
    ("?q=a+b%20c", "?q=a%20b%20c"),
    ("?q=é\"<>", "?q=%C3%A9%22%3C%3E"),
    ("?q=%e9%zz", "?q=%EF%BF%BD%25zz"),
    ("?j={\"k\":[1|2]}", "?j=%7B%22k%22%3A%5B1%7C2%5D%7D"),
    ("?u=https://x.example:81/?y", "?u=https%3A%2F%2Fx.example%3A81%2F%3Fy"),
    ("?q=שלום", "?q=%D7%A9%D7%9C%D7%95%D7%9D"),
];
const NAMES: [&str; 14] = [
    "AccountSid",
    "CallSid",
    "RecordingSid",
    "RecordingStatus",
    "RecordingUrl",
    "From",
    "To",
    "from",
    "a[b]",
    "a+b&c=d",
    "שם",
    "\u{ff21}",
    "\u{1f4de}",
    "__proto__",
];
const VALUES: [&str; 16] = [
    "",
    "",
    "completed",
    "AC0123456789abcdef0123456789abcdef",
    "+14158675309",
    "%2B1415",
    "a b",
    "a+b&c=d",
    "O'Brien \"x\"",
    "line\r\nline\u{2028}",
    "שלום עולם",
    "e\u{301}é",
    "\u{ff21}",
    "\u{1f600}",
    "null",
    "\u{fffd}\u{0}",
];
const TOKENS: [&str; 3] = ["12345", "0123456789abcdef0123456789abcdef", "סוד"];

/// SplitMix64: the same requests on every machine.
pub struct Dice(pub u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for n in (1..items.len()).rev() {
            items.swap(n, self.roll(n + 1));
        }
    }
}

/// A request as the server sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    pub token: String,
    pub url: String,
    /// Fields, for a form.
    pub form: Option<Vec<(String, String)>>,
    /// Text, for any other body.
    pub body: Option<String>,
    pub signature: String,
}

impl Request {
    pub fn any(dice: &mut Dice) -> Self {
        let (query, legacy) = dice.pick(&QUERIES);
        let origin = (dice.pick(&["https", "https", "http"]), dice.pick(&HOSTS), dice.pick(&PORTS));
        let path = dice.pick(&PATHS);
        let mut request = Self {
            token: dice.pick(&TOKENS).into(),
            url: String::new(),
            form: None,
            body: None,
            signature: String::new(),
        };
        let mut more = String::new();
        if dice.roll(3) == 0 {
            let body =
                json!({"CallSid": dice.pick(&VALUES), "n": dice.roll(1000), "מה": dice.pick(&VALUES)}).to_string();
            more = hash_member(dice, &body);
            request.body = Some(body);
        } else {
            let count = dice.roll(13);
            let field = |_| (dice.pick(&NAMES).to_owned(), dice.pick(&VALUES).to_owned());
            request.form = Some((0..count).map(field).collect());
        }
        let extended = |query: &str| match (query, &*more) {
            (query, "") => query.to_owned(),
            ("" | "?", more) => format!("?{more}"),
            (query, more) => format!("{query}&{more}"),
        };
        request.url = spelled(origin, path, &extended(query));
        request.signature = request.sign(&signed_url(dice, &request.url, origin, path, &extended(legacy)));
        request.forge(dice);
        request
    }

    fn sign(&self, url: &str) -> String {
        sign_form(&self.token, url, self.form.as_deref().unwrap_or_default())
    }

    /// Changes something after the signature was made; half of the requests stay as they are.
    fn forge(&mut self, dice: &mut Dice) {
        let form = self.form.as_mut().filter(|form| !form.is_empty());
        match (dice.roll(24), form) {
            (0, _) => self.signature.clear(),
            (1, _) => self.signature = self.signature.trim_end_matches('=').to_owned(),
            (2, _) => self.signature = self.signature.to_lowercase(),
            (3, _) => self.signature.push_str(dice.pick(&["=", "A", " ", "é"])),
            (4, _) => self.signature = format!("{}{}", dice.pick(&["A", "/"]), &self.signature[1..]),
            // The last digit's spare bits: the same bytes, spelled otherwise.
            (5, _) => self.signature = format!("{}B=", &self.signature[..26]),
            (6, _) => self.token.push('x'),
            (7, _) => self.url = self.url.replacen("example", "examples", 1),
            (8, _) => self.url.push_str(if self.url.contains('?') { "&z=1" } else { "?z=1" }),
            (9, _) => self.url = self.url.replacen("http", "https", 1).replacen("httpss", "http", 1),
            (10, Some(form)) => drop(form.remove(dice.roll(form.len()))),
            (11, Some(form)) => form.push(("More".into(), String::new())),
            (12, Some(form)) => form[0].1.push('x'),
            (13, Some(form)) => form[0].0.push('x'),
            // What follows changes nothing that was signed.
            (14, Some(form)) => form.push(form[0].clone()),
            (15 | 16, Some(form)) => dice.shuffle(form),
            _ => {}
        }
        if let Some(body) = self.body.as_mut().filter(|_| dice.roll(10) == 0) {
            body.push(' ');
        }
    }

    pub fn beyond_the_first_plane(&self) -> bool {
        let fields = self.form.iter().flatten();
        fields.flat_map(|(name, value)| [name, value]).any(|text| text.chars().any(|c| c > '\u{ffff}'))
    }

    /// Whether the SDKs know different spellings of its URL, or sort its fields differently.
    pub fn is_spelled_oddly(&self) -> bool {
        let normal = Url::parse(&self.url).map(String::from).unwrap_or_default();
        let tail = |url: &str| url.splitn(4, '/').nth(3).map(str::to_owned);
        let differs = tail(&normal) != tail(&self.url) || normal.contains('?') || self.url.contains('C');
        differs || self.beyond_the_first_plane()
    }
}

fn spelled((scheme, host, port): (&str, &str, &str), path: &str, query: &str) -> String {
    format!("{scheme}://{host}{port}{path}{query}")
}

/// The URL that the signer has in mind: as it is called, with another port or none, or encoded anew.
fn signed_url(dice: &mut Dice, url: &str, origin: (&str, &str, &str), path: &str, legacy: &str) -> String {
    let standard = if origin.0 == "https" { ":443" } else { ":80" };
    let query = url.split_once('?').map_or(String::new(), |(_, query)| format!("?{query}"));
    let port = |port| (origin.0, origin.1, port);
    let normal = |url: &str| Url::parse(url).map_or(url.to_owned(), String::from);
    match dice.roll(12) {
        0 | 1 => spelled(port(""), path, &query),
        2 | 3 => spelled(port(standard), path, &query),
        4 => spelled(port(":8443"), path, &query),
        5 => normal(url),
        6 => normal(&spelled(port(""), path, &query)),
        7 => normal(&spelled(origin, path, legacy)),
        8 => normal(&spelled(port(""), path, "")) + legacy,
        9 => url.trim_end_matches('?').to_owned(),
        _ => url.to_owned(),
    }
}

/// The member of the query that names a body's hash, or tries to.
fn hash_member(dice: &mut Dice, body: &str) -> String {
    let hash = |text: &str| -> String {
        digest::digest(&digest::SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let good = hash(body);
    match dice.roll(16) {
        0 => String::new(),
        1 => format!("bodySHA256={}", hash("another body")),
        2 => format!("bodySHA256={}", good.to_uppercase()),
        3 => format!("bodysha256={good}"),
        4 => format!("bodySHA256=&bodySHA256={good}"),
        5 => format!("bodySHA256={good}&bodySHA256={}", hash("another body")),
        6 => format!("bodySHA256={}&bodySHA256={good}", hash("another body")),
        7 => format!("body%53HA256={good}"),
        8 => format!("bodySHA256={good}+"),
        9 => format!("bodySHA256={}", &good[..63]),
        _ => format!("bodySHA256={good}"),
    }
}
