//! Answers as they stand on the wire, and what every answer with bytes of the recording must hold.

use super::bench::LANDED;

/// One answer: its status, its fields in lower case and sorted, and all that follows its head.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    rest: &'a [u8],
}

impl<'a> Reply<'a> {
    /// The first answer in what was received; `None` where no whole head is.
    pub fn first(wire: &'a [u8]) -> Option<Self> {
        let end = wire.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&wire[..end]).expect("an answer's head is text");
        let mut lines = head.split("\r\n");
        let line = lines.next().unwrap_or_default();
        let status = line.strip_prefix("HTTP/1.1 ").or(line.strip_prefix("HTTP/1.0 ")).and_then(|rest| rest.get(..3));
        let status = status.and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no answer: {line}"));
        let field = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no field: {line}"));
            (name.to_ascii_lowercase(), value.to_owned())
        };
        let mut fields: Vec<(String, String)> = lines.map(field).collect();
        fields.sort();
        Some(Self { status, fields, rest: &wire[end + 4..] })
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body of an answer to a GET, as far as it came.
    pub fn body(&self) -> &'a [u8] {
        let length = self.field("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        &self.rest[..self.rest.len().min(length)]
    }

    /// What stands behind it on the wire.
    pub fn after(&self) -> &'a [u8] {
        &self.rest[self.body().len()..]
    }

    /// The same for two answers to one request, but for what is made anew each time.
    pub fn essence(&self) -> (u16, Vec<(String, String)>) {
        let mut fields = self.fields.clone();
        fields.retain(|(name, _)| !matches!(name.as_str(), "date" | "x-request-id"));
        for (_, value) in &mut fields {
            if let Some((kind, _)) = value.split_once("; boundary=") {
                *value = kind.to_owned();
            }
        }
        (self.status, fields)
    }

    /// Holds an answer to a GET against the file.
    pub fn check_bytes(&self, file: &[u8]) {
        assert_ne!(self.status, 500, "a handler panicked");
        if !matches!(self.status, 200 | 206) || self.field("etag").is_none() {
            return;
        }
        let name = self.field("content-disposition").unwrap_or_default();
        assert!(name.contains(LANDED), "another recording: {name}");
        let (body, size) = (self.body(), file.len());
        match (self.status, self.field("content-range")) {
            (200, None) => assert!(body == file, "the whole is the whole"),
            (206, Some(range)) => assert!(body == part(file, range), "{range} is not what was sent"),
            (206, None) => self.check_parts(file),
            (status, range) => panic!("{status} with the range {range:?}"),
        }
        assert!(self.status == 200 || self.field("content-range").is_none() || body.len() <= size);
    }

    fn check_parts(&self, file: &[u8]) {
        let kind = self.field("content-type").unwrap_or_default();
        let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap_or_else(|| panic!("{kind}"));
        let delimiter = format!("\r\n--{boundary}");
        let (mut rest, mut parts) = (self.body(), 0);
        loop {
            rest = rest.strip_prefix(delimiter.as_bytes()).expect("a delimiter before each part and at the end");
            if rest == b"--\r\n" {
                break;
            }
            let end = rest.windows(4).position(|four| four == b"\r\n\r\n").expect("the end of a part's head");
            let head = std::str::from_utf8(&rest[..end]).expect("a part's head is text");
            let range = head.lines().find_map(|line| line.strip_prefix("Content-Range: ")).expect("a part's range");
            let part = part(file, range);
            rest = rest[end + 4..].strip_prefix(part).expect("a part is what its head says");
            parts += 1;
        }
        assert!(parts > 1, "several ranges are more than one");
    }
}

/// The bytes of a `Content-Range` that fits the file.
fn part<'a>(file: &'a [u8], range: &str) -> &'a [u8] {
    let numbers = range.strip_prefix("bytes ").and_then(|rest| {
        let (range, size) = rest.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        Some([first.parse::<usize>().ok()?, last.parse().ok()?, size.parse().ok()?])
    });
    let [first, last, size] = numbers.unwrap_or_else(|| panic!("no range: {range}"));
    assert_eq!(size, file.len(), "{range}");
    file.get(first..=last).unwrap_or_else(|| panic!("{range} is not in the file"))
}
