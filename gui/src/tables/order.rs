//! Which rows a table shows, in which order: made a slice per frame, so that a million rows make no frame slow.

use super::{Order, Rows};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tapscope_graph::View;
use tapscope_graph::display_filter::{DisplayFilter, Field, Protocol, Subject, Value};

/// The part of a frame that may go into it.
const BUDGET: Duration = Duration::from_millis(4);
/// Rows between two looks at the clock.
const SLICE: usize = 128;
/// More rows than this are sorted on a thread of their own.
const INLINE: usize = 10_000;
/// A living view is sorted anew after so many times what the last time took: the rest of the time is for the picture.
const REST: u32 = 4;

/// What passes: what the search box says, and what belongs to the selection.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Filters {
    pub search: DisplayFilter,
    pub follow: DisplayFilter,
}

impl Filters {
    pub fn is_empty(&self) -> bool {
        self.search.is_empty() && self.follow.is_empty()
    }

    fn hold(&self, subject: &dyn Subject) -> bool {
        self.search.matches(subject) && self.follow.matches(subject)
    }
}

/// What an order is made of.
#[derive(Clone)]
struct Recipe {
    view: Weak<View>,
    column: Option<(usize, bool)>,
    filters: Filters,
}

impl Recipe {
    /// Whether the user wants the same, maybe of another view.
    fn is_alike(&self, other: &Recipe) -> bool {
        self.column == other.column && self.filters == other.filters
    }

    // As long as the weak pointer is there, no other view can have its address.
    fn is_same(&self, other: &Recipe) -> bool {
        self.is_alike(other) && self.view.ptr_eq(&other.view)
    }
}

/// An order that is being made.
struct Making {
    recipe: Recipe,
    next: usize,
    keyed: Vec<(Order, u32)>,
    sorted: Option<Receiver<Vec<u32>>>,
    spent: Duration,
}

/// The order of a table's rows.
#[derive(Default)]
pub(crate) struct Ordered {
    /// The column to sort by, and whether the largest comes first.
    pub column: Option<(usize, bool)>,
    /// None: all, as they come.
    rows: Option<Vec<u32>>,
    made: Option<Recipe>,
    making: Option<Making>,
    /// Rows that were looked at already, where rows are only ever added.
    seen: usize,
    rested_at: Option<Instant>,
}

impl Ordered {
    /// How many rows are shown.
    pub fn len(&self, rows: &impl Rows) -> usize {
        self.rows.as_ref().map_or(rows.len() - rows.first(), Vec::len)
    }

    /// The row at a place; none where it is gone.
    pub fn row(&self, rows: &impl Rows, place: usize) -> Option<usize> {
        let row = match &self.rows {
            Some(order) => *order.get(place)? as usize,
            None => place + rows.first(),
        };
        (rows.first()..rows.len()).contains(&row).then_some(row)
    }

    /// The place of a row.
    pub fn place(&self, rows: &impl Rows, row: usize) -> Option<usize> {
        match &self.rows {
            // Without a column they are in order.
            Some(order) if self.column.is_none() => order.binary_search(&(row as u32)).ok(),
            Some(order) => order.iter().position(|other| *other as usize == row),
            None => (rows.first()..rows.len()).contains(&row).then(|| row - rows.first()),
        }
    }

    /// Whether it is being made.
    pub fn is_making(&self) -> bool {
        self.making.is_some()
    }

    /// Goes on making the order of this view, unless it is that already. While it is made the former one is shown.
    pub fn refresh(&mut self, rows: &impl Rows, view: &Arc<View>, filters: &Filters) {
        let wanted = Recipe { view: Arc::downgrade(view), column: self.column, filters: filters.clone() };
        if self.column.is_none() && filters.is_empty() {
            *self = Ordered { column: None, ..Ordered::default() };
            return;
        }
        if self.made.as_ref().is_some_and(|made| made.is_same(&wanted)) {
            return;
        }
        if self.making.as_ref().is_some_and(|making| !making.recipe.is_alike(&wanted)) {
            self.making = None;
        }
        let is_alike = self.made.as_ref().is_some_and(|made| made.is_alike(&wanted));
        if is_alike && self.column.is_none() && rows.is_only_added_to() {
            self.extend(rows, wanted);
            return;
        }
        if self.making.is_none() {
            // Another view of a living host: the order need not be newer than the eye is.
            if is_alike && self.rested_at.is_some_and(|until| Instant::now() < until) {
                return;
            }
            self.making = Some(Making { recipe: wanted, next: rows.first(), keyed: Vec::new(), sorted: None, spent: Duration::ZERO });
        }
        self.go_on(rows);
    }

    fn go_on(&mut self, rows: &impl Rows) {
        let Some(making) = &mut self.making else { return };
        let began = Instant::now();
        if let Some(sorted) = &making.sorted {
            match sorted.try_recv() {
                Ok(order) => self.finish(rows, order),
                Err(TryRecvError::Empty) => {}
                // It cannot be sorted: it is shown as it comes.
                Err(TryRecvError::Disconnected) => self.making = None,
            }
            return;
        }
        let column = making.recipe.column;
        while making.next < rows.len() {
            let end = (making.next + SLICE).min(rows.len());
            for row in making.next..end {
                if making.recipe.filters.is_empty() || making.recipe.filters.hold(&RowSubject { rows, row }) {
                    let order = column.map_or(Order::Number(0), |(column, _)| rows.cell(row, column).order);
                    making.keyed.push((order, row as u32));
                }
            }
            making.next = end;
            if began.elapsed() > BUDGET {
                making.spent += began.elapsed();
                return;
            }
        }
        making.spent += began.elapsed();
        let keyed = std::mem::take(&mut making.keyed);
        let is_down = column.is_some_and(|(_, is_down)| is_down);
        if column.is_none() || keyed.len() <= INLINE {
            let order = sort(keyed, column.is_some(), is_down);
            self.finish(rows, order);
            return;
        }
        let (done, sorted) = channel();
        making.sorted = Some(sorted);
        let run = move || drop(done.send(sort(keyed, true, is_down)));
        if std::thread::Builder::new().name("sort".into()).spawn(run).is_err() {
            self.making = None;
        }
    }

    fn finish(&mut self, rows: &impl Rows, order: Vec<u32>) {
        let Some(making) = self.making.take() else { return };
        self.seen = rows.len().min(making.next);
        self.rows = Some(order);
        self.made = Some(making.recipe);
        self.rested_at = Some(Instant::now() + making.spent * REST);
    }

    /// Looks at the rows that came since.
    fn extend(&mut self, rows: &impl Rows, wanted: Recipe) {
        let began = Instant::now();
        let order = self.rows.get_or_insert_default();
        let gone = order.partition_point(|row| (*row as usize) < rows.first());
        order.drain(..gone);
        self.seen = self.seen.max(rows.first()).min(rows.len());
        while self.seen < rows.len() {
            let end = (self.seen + SLICE).min(rows.len());
            order.extend((self.seen..end).filter(|&row| wanted.filters.hold(&RowSubject { rows, row })).map(|row| row as u32));
            self.seen = end;
            if began.elapsed() > BUDGET {
                return;
            }
        }
        self.made = Some(wanted);
    }
}

fn sort(mut keyed: Vec<(Order, u32)>, is_sorted: bool, is_down: bool) -> Vec<u32> {
    if is_sorted {
        keyed.sort_unstable();
    }
    if is_down {
        keyed.reverse();
    }
    keyed.into_iter().map(|(_, row)| row).collect()
}

/// A row, as a filter sees it: what the table says of it, and the text of its cells.
struct RowSubject<'a, R> {
    rows: &'a R,
    row: usize,
}

impl<R: Rows> Subject for RowSubject<'_, R> {
    fn any(&self, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        if self.rows.any(self.row, field, test) {
            return true;
        }
        field == Field::Info && (0..self.rows.columns().len()).any(|column| test(Value::Text(&self.rows.cell(self.row, column).text)))
    }

    fn has(&self, protocol: Protocol) -> bool {
        self.rows.has(self.row, protocol)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, Column};
    use super::*;
    use crate::window::Selection;
    use std::cell::Cell as Counter;

    const COLUMNS: &[Column] = &[super::super::column("number", 1.0), super::super::column("negative", 1.0)];

    /// Rows that count how often they are asked for a cell.
    struct Counted {
        numbers: Vec<i64>,
        asked: Counter<usize>,
    }

    impl Rows for Counted {
        fn columns(&self) -> &'static [Column] {
            COLUMNS
        }

        fn len(&self) -> usize {
            self.numbers.len()
        }

        fn cell(&self, row: usize, column: usize) -> Cell {
            self.asked.set(self.asked.get() + 1);
            let number = self.numbers[row] * if column == 0 { 1 } else { -1 };
            Cell::number(number.to_string(), number)
        }

        fn selection(&self, _row: usize) -> Option<Selection> {
            None
        }

        fn empty(&self) -> &'static str {
            ""
        }
    }

    fn order(ordered: &Ordered, rows: &Counted) -> Vec<usize> {
        (0..ordered.len(rows)).filter_map(|place| ordered.row(rows, place)).collect()
    }

    #[test]
    fn rows_are_sorted_once_for_a_view_a_column_and_a_direction() {
        let rows = Counted { numbers: vec![3, 1, 2], asked: Counter::new(0) };
        let (view, next) = (Arc::new(View::default()), Arc::new(View::default()));
        let mut ordered = Ordered::default();
        let mut frame = |column, view: &Arc<View>| {
            ordered.column = column;
            ordered.rested_at = None;
            ordered.refresh(&rows, view, &Filters::default());
            (order(&ordered, &rows), rows.asked.replace(0))
        };
        assert_eq!(frame(None, &view), (vec![0, 1, 2], 0));
        assert_eq!(frame(Some((0, false)), &view), (vec![1, 2, 0], 3));
        assert_eq!(frame(Some((0, false)), &view), (vec![1, 2, 0], 0), "the next frame shows the same");
        assert_eq!(frame(Some((0, true)), &view), (vec![0, 2, 1], 3));
        assert_eq!(frame(Some((1, true)), &view), (vec![1, 2, 0], 3));
        assert_eq!(frame(Some((1, true)), &next), (vec![1, 2, 0], 3), "another view may have other rows");
        assert_eq!(frame(Some((1, true)), &next), (vec![1, 2, 0], 0));
        assert_eq!(frame(None, &next), (vec![0, 1, 2], 0));
        assert_eq!((Arc::strong_count(&view), Arc::strong_count(&next)), (1, 1), "no view is kept alive");
    }

    #[test]
    fn a_filter_and_a_column_hold_together() {
        let rows = Counted { numbers: vec![31, 5, 13, 30], asked: Counter::new(0) };
        let view = Arc::new(View::default());
        let filters = Filters { search: DisplayFilter::parse("info contains 3").expect("a filter"), ..Filters::default() };
        let mut ordered = Ordered { column: Some((0, true)), ..Ordered::default() };
        ordered.refresh(&rows, &view, &filters);
        assert_eq!(order(&ordered, &rows), [0, 3, 2]);
        assert_eq!((ordered.place(&rows, 3), ordered.place(&rows, 1)), (Some(1), None));
    }

    #[test]
    fn a_million_rows_are_sorted_in_slices_that_a_frame_has_time_for() {
        let rows = Counted { numbers: (0..1_000_000).map(|row| (row * 7919) % 1_000_003).collect(), asked: Counter::new(0) };
        let view = Arc::new(View::default());
        let mut ordered = Ordered { column: Some((0, false)), ..Ordered::default() };
        let mut longest = Duration::ZERO;
        let began = Instant::now();
        loop {
            let frame = Instant::now();
            ordered.refresh(&rows, &view, &Filters::default());
            // By the machine's clock, which other programs stretch: it is told, not asserted.
            longest = longest.max(frame.elapsed());
            if !ordered.is_making() {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(120), "it never ends");
            std::thread::yield_now();
        }
        eprintln!("sorted after {:?}, the longest slice took {longest:?}", began.elapsed());
        let sorted: Vec<i64> = order(&ordered, &rows).into_iter().map(|row| rows.numbers[row]).collect();
        assert!(sorted.is_sorted() && sorted.len() == 1_000_000);
    }
}
