//! Bridge protocol data units of the spanning tree (IEEE 802.1D-2004, clause 9.3).

use super::read::{array, be16, be32};
use crate::MacAddr;
use crate::fact::Stp;

/// A configuration, rapid or topology change BPDU; of MSTP the part that RSTP shares.
pub(super) fn parse(bytes: &[u8]) -> Option<Stp> {
    let protocol = be16(bytes, 0)?;
    let (version, kind) = (*bytes.get(2)?, *bytes.get(3)?);
    if protocol != 0 {
        return None;
    }
    match kind {
        0x00 | 0x02 => {
            let bridge = |at| Some((be16(bytes, at)?, MacAddr(array(bytes, at + 2)?)));
            Some(Stp {
                version,
                is_topology_change: false,
                flags: *bytes.get(4)?,
                root: bridge(5)?,
                root_path_cost: be32(bytes, 13)?,
                bridge: bridge(17)?,
                port: be16(bytes, 25)?,
                forward_delay: be16(bytes, 33)?,
            })
        }
        0x80 => Some(Stp {
            version,
            is_topology_change: true,
            flags: 0,
            root: Default::default(),
            root_path_cost: 0,
            bridge: Default::default(),
            port: 0,
            forward_delay: 0,
        }),
        _ => None,
    }
}
