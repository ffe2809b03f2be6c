//! `call_log.*`

use super::*;

const TABLE: &str = "[call_log]\ndatabase_url = 'postgres://reader:hunter2@db/app'\n";

fn with_account(section: &str) -> String {
    format!("{section}\n[[twilio.accounts]]\naccount_sid = '{ACCOUNT}'\nauth_token = 'x'")
}

/// The one fault of a file with a good secret above it.
fn only(file: &str) -> Fault {
    let Faults(mut faults) = Config::from_parts(file, vars(&[("LANDFALL_AUTH__JWT_SECRET", SECRET)])).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

#[test]
fn the_section_alone_names_a_table_and_without_it_there_is_none() {
    assert!(good("").call_log.is_none());
    let config = good(&with_account(TABLE));
    let table = config.call_log.as_ref().unwrap();
    assert_eq!(table.table.to_string(), "call_log");
    assert_eq!(table.default_account.as_deref(), Some(ACCOUNT), "the only one there is");
    assert!(!format!("{config:?}").contains("hunter2"));
    let catalog = with_account("database_url = 'postgres://u@db/landfall'\n[call_log]");
    assert!(good(&catalog).call_log.is_some(), "in the catalog's own database");
    let by_variable =
        [("LANDFALL_CALL_LOG__DATABASE_URL", "postgres://u@db/x"), ("LANDFALL_CALL_LOG__DEFAULT_ACCOUNT", ACCOUNT)];
    assert!(with_vars(&by_variable).unwrap().call_log.is_some());
}

#[test]
fn where_the_table_is_and_whose_its_calls_are_must_be_said_or_be_clear() {
    let told = faults("[call_log]").join("\n");
    assert!(told.contains("call_log.database_url: is"), "{told}");
    assert!(told.contains("call_log.default_account: is"), "{told}");
    let told = only(&with_account("[call_log]\ndatabase_url = 'postgres://u:hunter2@db'"));
    assert!(told.key == "call_log.database_url" && !told.to_string().contains("hunter2"), "{told}");
}

#[test]
fn names_are_those_of_tables_and_columns() {
    assert_eq!(only(&with_account(&format!("{TABLE}table = 'a.b.c'"))).key, "call_log.table");
    assert_eq!(only(&with_account(&format!("{TABLE}tenant = \"a\\u0000b\""))).key, "call_log.tenant");
    assert_eq!(only(&with_account(&format!("{TABLE}default_account = 'CA1'"))).key, "call_log.default_account");
    let odd = good(&with_account(&format!("{TABLE}tenant = 'The \"owner\"'\ntable = 'app.Call Log'")));
    assert_eq!(odd.call_log.unwrap().columns.tenant, "The \"owner\"");
}
