//! The ends of a cable as QEMU holds them: frames behind their lengths, through TCP over loopback.

use super::carrier::record;
use super::frame;
use super::generator::{NUMBER, Sizes, number};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Frames that are sent at once where one each would be too late.
const BURST: u64 = 16;

/// One end. What comes to it is read and forgotten, as by a guest that is not interested.
pub struct Wire {
    stream: TcpStream,
    reader: Option<JoinHandle<()>>,
}

impl Wire {
    pub fn accept(listener: &TcpListener) -> Wire {
        Wire::new(listener.accept().expect("a peer").0)
    }

    pub fn connect(port: u16) -> Wire {
        Wire::new(TcpStream::connect(("127.0.0.1", port)).expect("a listener"))
    }

    fn new(stream: TcpStream) -> Wire {
        // As QEMU does (net/socket.c).
        stream.set_nodelay(true).expect("TCP");
        let mut other = stream.try_clone().expect("a descriptor");
        let reader = std::thread::spawn(move || {
            let mut octets = vec![0; 65_536];
            while matches!(other.read(&mut octets), Ok(1..)) {}
        });
        Wire { stream, reader: Some(reader) }
    }

    pub fn send(&self, frame: &[u8]) {
        self.octets(&record(frame));
    }

    pub fn octets(&self, octets: &[u8]) {
        (&self.stream).write_all(octets).expect("the other end is there");
    }

    /// Sends so many numbered frames at a rate a second: one at a time as QEMU does, and some at once only when that is too slow.
    /// Says how long it took, and how many sends.
    pub fn flood(&self, sizes: Sizes, rate: f64, count: u64) -> (Duration, u64) {
        let mut frame = frame::udp(1, 2, (40_000, 9), &[0; 1514 - NUMBER]);
        let (mut octets, mut sends, mut sent) = (Vec::new(), 0, 0);
        let began = Instant::now();
        while sent < count {
            let due = ((began.elapsed().as_secs_f64() * rate) as u64 + 1).min(count);
            if due <= sent {
                std::thread::sleep(Duration::from_micros(50));
                continue;
            }
            // After a nap some are due and there is time to send them alone.
            let burst = if due - sent > 64 { BURST } else { 1 };
            octets.clear();
            let until = (sent + burst).min(count);
            for next in sent..until {
                let length = number(&mut frame, next, sizes);
                octets.extend(record(&frame[..length]));
            }
            sent = until;
            self.octets(&octets);
            sends += 1;
        }
        (began.elapsed(), sends)
    }
}

/// Hangs up.
impl Drop for Wire {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
