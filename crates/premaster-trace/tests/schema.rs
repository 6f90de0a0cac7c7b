//! The published schema is that of the model.
use premaster_trace::render::json_schema;

#[test]
fn the_published_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema/trace.v1.json");
    let current = json_schema().unwrap();
    if std::env::var_os("PREMASTER_BLESS").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap();
    assert!(
        published == current,
        "schema/trace.v1.json is not current: run with PREMASTER_BLESS=1 and review the change"
    );
}
