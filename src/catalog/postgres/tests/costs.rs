//! What queries cost: one statement a batch, and the same whether there are a hundred calls or a hundred thousand.

use super::*;

/// A tenth of that many calls are the tenant's.
async fn fill(somebody: &Somebody, calls: u32) {
    let sql = format!(
        "TRUNCATE calls CASCADE;
         INSERT INTO calls (call_sid, tenant, account_sid, title, listed_at)
         SELECT 'CA' || lpad(to_hex(n), 32, '0'), CASE WHEN n % 10 = 0 THEN 't' ELSE 'u' || n % 100 END, 'AC1', 'Call', n
         FROM generate_series(1, {calls}) n;
         INSERT INTO recordings (sid, call_sid, state) SELECT call_sid, call_sid, 'ready' FROM calls;
         ANALYZE calls, recordings"
    );
    somebody.run(&sql).await;
}

/// The plan, and how many pages it touches.
async fn explained(catalog: &PostgresCatalog, sql: &str, values: &[Value<'_>]) -> (String, u64) {
    let sql = format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) {sql}");
    let rows = catalog.connections.query(&sql, values).await.unwrap();
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let touched = lines.iter().find_map(|line| line.trim().strip_prefix("Buffers: shared ")).unwrap_or("");
    let count = |word: &str| -> u64 {
        let number = touched.split(' ').find_map(|part| part.strip_prefix(word)?.strip_prefix('='));
        number.map_or(0, |number| number.parse().unwrap())
    };
    let pages = count("hit") + count("read");
    (lines.join("\n"), pages)
}

#[tokio::test]
async fn a_page_of_a_list_and_a_batch_of_states_cost_the_same_however_many_calls_there_are() {
    let database = Database::create().unwrap();
    let catalog = server(&database).await;
    let somebody = Somebody::at(&database).await;
    let sids: Vec<String> = (1..=50).map(|n| call(n * 2).to_string()).collect();
    let find = format!(
        "SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE r.sid = ANY($1)
         UNION ALL SELECT {COLUMNS} FROM recordings r JOIN calls c USING (call_sid) WHERE r.recording_sid = ANY($1)"
    );
    let mut costs = Vec::new();
    for calls in [1000, 100_000] {
        fill(&somebody, calls).await;
        let page: &[Value<'_>] =
            &[(&"t", Type::TEXT), (&i64::MAX, Type::INT8), (&"", Type::TEXT), (&51i64, Type::INT8)];
        let (plan, list) = explained(&catalog, &page_of(OF_TENANT), page).await;
        assert!(calls == 1000 || plan.contains("Index Scan Backward using calls_of_tenant"), "{plan}");
        assert!(calls == 1000 || !plan.contains("Sort") && !plan.contains("Seq Scan"), "{plan}");
        let (plan, states) = explained(&catalog, &find, &[(&sids, Type::TEXT_ARRAY)]).await;
        assert!(calls == 1000 || !plan.contains("Seq Scan"), "{plan}");
        costs.push((list, states));
    }
    // Trees are a level deeper, which costs a page for each row that is looked up.
    assert!(costs[1].0 <= 51 * 8 && costs[1].1 <= 50 * 10, "pages for a list and for states: {costs:?}");
}

#[tokio::test]
async fn states_of_many_recordings_are_one_statement_and_no_transaction_around_it() {
    let database = Database::create().unwrap();
    let catalog = server(&database).await;
    let somebody = Somebody::at(&database).await;
    somebody.run("CREATE EXTENSION pg_stat_statements").await;
    let sids: Vec<Sid> = (1..=256).map(call).collect();
    let count = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements s
                 JOIN pg_database d ON d.oid = s.dbid WHERE datname = current_database() AND s.query NOT LIKE '%pg_stat%'";
    let before: i64 = somebody.client.query_one(count, &[]).await.unwrap().get(0);
    for _ in 0..10 {
        assert_eq!(catalog.find(&sids).await.unwrap().len(), 256);
    }
    let after: i64 = somebody.client.query_one(count, &[]).await.unwrap().get(0);
    assert_eq!(after - before, 10);
}
