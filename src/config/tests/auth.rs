//! What may be configured of secrets by name, and of asking an existing login.

use super::*;

#[test]
fn secrets_by_name_may_stand_in_files_and_keep_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, format!("{SECRET}\n")).unwrap();
    let file = format!(
        "[[auth.jwt_secrets]]\nkid = 'old'\nsecret = '{}'\n[[auth.jwt_secrets]]\nkid = 7\nsecret_file = '{}'",
        SECRET.to_uppercase(),
        path.display(),
    );
    let config = Config::from_parts(&file, vars(&[])).unwrap();
    let named: Vec<_> = config.auth.jwt_secrets.iter().map(|it| (&*it.kid, it.secret.reveal())).collect();
    assert_eq!(named, [("old", &*SECRET.to_uppercase()), ("7", SECRET)]);
    let json = format!(r#"[{{"kid": "a", "secret": "{SECRET}"}}]"#);
    std::fs::write(&path, &json).unwrap();
    let whole = [("LANDFALL_AUTH__JWT_SECRETS_FILE", path.to_str().unwrap())];
    for vars_of in [&whole[..], &[("LANDFALL_AUTH__JWT_SECRETS", &*json)]] {
        assert_eq!(Config::from_parts("", vars(vars_of)).unwrap().auth.jwt_secrets[0].kid, "a");
    }
    assert!(!format!("{config:?}").contains(SECRET));
}

#[test]
fn faults_of_a_secret_by_name_tell_its_place_and_not_the_secret() {
    let file = format!(
        "[[auth.jwt_secrets]]\nkid = ''\nsecret = 'short'\n[[auth.jwt_secrets]]\nname = 'b'\n
         [[auth.jwt_secrets]]\nkid = 'c'\nsecret = '{SECRET}'\n[[auth.jwt_secrets]]\nkid = 'c'\nsecret = '{SECRET}'
         [[auth.jwt_secrets]]\nkid = 'd'\nsecret = '{SECRET}'\nsecret_file = 'x'"
    );
    let expected = [
        "auth.jwt_secrets[0].kid: is empty",
        "auth.jwt_secrets[0].secret: has 5 bytes",
        "auth.jwt_secrets[1].name: is no known key",
        "auth.jwt_secrets[1].kid: is missing",
        "auth.jwt_secrets[1].secret: is missing",
        "auth.jwt_secrets[3].kid: is listed twice",
        "auth.jwt_secrets[4].secret: is set twice, by value and by file",
    ];
    assert_eq!(faults(&file), expected);
    assert_eq!(faults("auth.jwt_secrets = 7"), ["auth.jwt_secrets: is no list"]);
    assert_eq!(faults("auth.jwt_secrets = [7]")[0], "auth.jwt_secrets[0]: is no table");
    let many: String = (0..17).map(|n| format!("[[auth.jwt_secrets]]\nkid = {n}\nsecret = '{SECRET}'\n")).collect();
    assert_eq!(faults(&many), ["auth.jwt_secrets[16]: is one of more than 16"]);
    let long = format!("[[auth.jwt_secrets]]\nkid = '{}'\nsecret = '{SECRET}'\n", "k".repeat(129));
    assert_eq!(faults(&long), ["auth.jwt_secrets[0].kid: is too long"]);
}

#[test]
fn asking_a_login_needs_its_url_and_the_tenants_place_and_no_key() {
    let Faults(missing) = Config::from_parts("auth.mode = 'forward'", vars(&[])).unwrap_err();
    let missing: Vec<_> = missing.iter().map(|fault| &*fault.key).collect();
    assert_eq!(missing, ["auth.forward_url", "auth.forward_tenant_pointer"]);
    let whole = "[auth]\nmode = 'forward'\nforward_url = 'http://app:3000/me'\nforward_tenant_pointer = '/tenant/id'\n";
    let config = Config::from_parts(whole, vars(&[])).unwrap();
    let AuthOptions::Forward(options) = config.auth_options() else { panic!("another mode") };
    assert_eq!((options.url.as_str(), &*options.tenant, &*options.user), ("http://app:3000/me", "/tenant/id", "/id"));
    assert_eq!((options.role, options.allow_service, options.cache), (None, false, Duration::from_secs(5)));
    for (wrong, key) in [
        ("forward_cache = '61s'", "auth.forward_cache"),
        ("forward_role_pointer = 'role'", "auth.forward_role_pointer"),
        ("forward_user_pointer = 7", "auth.forward_user_pointer"),
        ("forward_allow_service = 'perhaps'", "auth.forward_allow_service"),
    ] {
        assert_eq!(the_fault(&format!("{whole}{wrong}")).key, key);
    }
    let secret = "auth.forward_url = 'ftp://u:hunter2@app/me'\nauth.mode = 'forward'";
    let error = Config::from_parts(secret, vars(&[])).unwrap_err().to_string();
    assert!(error.contains("forward_url is no http") && error.contains("forward_tenant_pointer"), "{error}");
    assert!(!error.contains("hunter2"));
}
