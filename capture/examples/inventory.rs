//! Prints what the host says, and then how it changes: `cargo run -p tapscope-capture --example inventory`.
//!
//! `own` and `all` look at fewer or more namespaces than usual, `firewall` asks for the firewalls' rules, too.

use std::error::Error;
use std::time::{Duration, Instant};
use tapscope_capture::inventory::{self, Scope};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let has = |word: &str| words.iter().any(|given| given == word);
    let scope = match (has("own"), has("all")) {
        (true, _) => Scope::Own,
        (_, true) => Scope::All,
        _ => Scope::Usual,
    };
    let start = Instant::now();
    let mut inventory = inventory::open(scope)?;
    if has("firewall") {
        for change in inventory.firewall() {
            println!("{:8.3}  {change:?}", start.elapsed().as_secs_f64());
        }
    }
    loop {
        for change in inventory.next(Duration::from_secs(60))? {
            println!("{:8.3}  {change:?}", start.elapsed().as_secs_f64());
        }
    }
}
