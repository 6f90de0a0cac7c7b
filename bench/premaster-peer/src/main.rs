//! premaster, measured beside the others.

fn main() {
    let mut suite = bench_core::Suite::new();
    bench_core::tls::register(&mut suite, Box::new(premaster_peer::Premaster));
    suite.serve();
}
