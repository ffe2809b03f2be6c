//! What has been found, as text for people and as JSON for programs. Checks nothing itself.

use std::fmt::Write as _;

use serde_json::json;

use super::check::{Check, Status};

/// Everything that was checked.
pub(super) struct Report(pub Vec<Check>);

impl Report {
    /// Whether nothing fails; warnings do not count.
    pub fn is_ok(&self) -> bool {
        self.0.iter().all(|check| check.status != Status::Fail)
    }

    /// `{ok, checks: [{name, status, detail, mend?}]}`
    pub fn json(&self) -> String {
        json!({"ok": self.is_ok(), "checks": self.0}).to_string()
    }

    /// A line for each check, what is to be done below it, and a sum.
    pub fn text(&self, colours: bool) -> String {
        let width = self.0.iter().map(|check| check.name.len()).max().unwrap_or_default();
        let mut text = String::new();
        for Check { name, status, detail, mend } in &self.0 {
            let (sign, word, colour) = shown(*status);
            let status = format!("{sign} {word:<4}");
            let status = if colours { format!("\x1b[{colour}m{status}\x1b[0m") } else { status };
            // Writing to memory cannot fail.
            let _ = writeln!(text, "{status}  {name:<width$}  {detail}");
            let lines = mend.iter().flat_map(|mend| mend.lines()).enumerate();
            for (n, line) in lines {
                let lead = if n == 0 { "→" } else { " " };
                let _ = writeln!(text, "{:indent$}{lead} {line}", "", indent = width + 10);
            }
        }
        let count = |status| self.0.iter().filter(|check| check.status == status).count();
        let [ok, warn, fail, skip] = [Status::Ok, Status::Warn, Status::Fail, Status::Skip].map(count);
        let _ = write!(text, "\n{} checks: {ok} ok, {warn} to look at, {fail} failed, {skip} skipped", self.0.len());
        text
    }
}

/// A status with its sign, its word, and its colour on terminals (ECMA-48 §8.3.117).
const fn shown(status: Status) -> (&'static str, &'static str, u8) {
    match status {
        Status::Ok => ("✓", "ok", 32),
        Status::Warn => ("!", "warn", 33),
        Status::Fail => ("✗", "fail", 31),
        Status::Skip => ("–", "skip", 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mend = "services:\n  worker:";
        Report(vec![
            Check::ok("disk", "room"),
            Check::fail("sharing", "two volumes", mend),
            Check::skip("redis", "unset"),
        ])
    }

    #[test]
    fn text_is_aligned_and_each_mend_stands_below_its_check() {
        let text = "✓ ok    disk     room\n\
                    ✗ fail  sharing  two volumes\n                 → services:\n                     worker:\n\
                    – skip  redis    unset\n\n\
                    3 checks: 1 ok, 0 to look at, 1 failed, 1 skipped";
        assert_eq!(report().text(false), text);
    }

    #[test]
    fn only_a_failure_makes_it_not_ok() {
        assert!(!report().is_ok());
        assert!(Report(vec![Check::warn("disk", "", ""), Check::skip("redis", "")]).is_ok());
    }

    #[test]
    fn json_leaves_out_what_needs_no_mending() {
        let json: serde_json::Value = serde_json::from_str(&report().json()).unwrap();
        assert_eq!(json["ok"], false);
        assert_eq!(json["checks"][0], json!({"name": "disk", "status": "ok", "detail": "room"}));
        assert_eq!(json["checks"][1]["mend"], "services:\n  worker:");
    }
}
