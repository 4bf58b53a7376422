//! When it is enough.

use std::io::{BufRead, IsTerminal, stdin};
use std::process::exit;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use nix::sys::signal::{SigSet, Signal};

/// Tells when somebody has pressed Enter, or sent a signal to end. The second signal ends this process at once; its lab is taken down all the same.
pub fn of_show() -> Result<Receiver<()>, nix::Error> {
    let (sender, receiver) = channel();
    let signals = SigSet::from_iter([Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP]);
    // Before there are other threads: they inherit it. What is started has a mask of its own.
    signals.thread_block()?;
    let on_signal = sender.clone();
    thread::spawn(move || {
        let _ = signals.wait();
        println!(" Coming to an end; once more to leave at once.");
        let _ = on_signal.send(());
        let _ = signals.wait();
        exit(130);
    });
    if stdin().is_terminal() {
        thread::spawn(move || on_enter(&sender));
    }
    Ok(receiver)
}

fn on_enter(sender: &Sender<()>) {
    let mut line = String::new();
    if stdin().lock().read_line(&mut line).is_ok_and(|count| count > 0) {
        let _ = sender.send(());
    }
}
