use crate::show::Reading;
use anyhow::Result;
use std::io::Write;
pub fn write(_out: &mut impl Write, _reading: &Reading, _color: bool) -> Result<()> {
    Ok(())
}
