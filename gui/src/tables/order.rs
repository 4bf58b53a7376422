//! Which rows a table shows, in which order: made on a thread of its own where there are many, so that a million rows make no frame slow.

use super::{Order, Rows};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tapscope_graph::View;
use tapscope_graph::display_filter::{DisplayFilter, Field, Protocol, Subject, Value};

/// The part of a frame that rows may take that came since.
const BUDGET: Duration = Duration::from_millis(4);
/// Rows between two looks at the clock, or at whether the order is still wanted.
const SLICE: usize = 128;
/// More rows than this are looked at elsewhere.
const INLINE: usize = 1_000;
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

    fn hold(&self, rows: &dyn Rows, row: usize) -> bool {
        self.is_empty()
            || rows.with_subject(row, &mut |own| {
                let subject = RowSubject { rows, row, own };
                self.search.matches(&subject) && self.follow.matches(&subject)
            })
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

    /// Looks at all rows; `None` once nobody wants to know any more.
    fn make(&self, rows: &dyn Rows, progress: &Progress) -> Option<Made> {
        let began = Instant::now();
        let (first, end) = (rows.first(), rows.len());
        let mut keyed = Vec::new();
        for row in first..end {
            if (row - first).is_multiple_of(SLICE) {
                progress.done.store(row - first, Ordering::Relaxed);
                if progress.is_unwanted.load(Ordering::Relaxed) {
                    return None;
                }
            }
            if self.filters.hold(rows, row) {
                let order = self.column.map_or(Order::Number(0), |(column, _)| rows.cell(row, column).order);
                keyed.push((order, row));
            }
        }
        if let Some((_, is_down)) = self.column {
            keyed.sort_unstable();
            if is_down {
                keyed.reverse();
            }
        }
        Some(Made { order: keyed.into_iter().map(|(_, row)| row).collect(), seen: end, spent: began.elapsed() })
    }
}

/// An order.
struct Made {
    order: Vec<usize>,
    /// The end of the rows that were looked at.
    seen: usize,
    spent: Duration,
}

/// How far the making of an order is.
#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    is_unwanted: AtomicBool,
}

/// Looks at rows wherever it is run, and tells the table.
pub(crate) type Work = Box<dyn FnOnce(&dyn Rows) + Send>;

/// An order that is being made.
struct Making {
    recipe: Recipe,
    progress: Arc<Progress>,
    all: usize,
    made: Receiver<Made>,
}

impl Drop for Making {
    fn drop(&mut self) {
        self.progress.is_unwanted.store(true, Ordering::Relaxed);
    }
}

/// The order of a table's rows.
#[derive(Default)]
pub(crate) struct Ordered {
    /// The column to sort by, and whether the largest comes first.
    pub column: Option<(usize, bool)>,
    /// None: all, as they come.
    rows: Option<Vec<usize>>,
    made: Option<Recipe>,
    making: Option<Making>,
    /// Rows that were looked at already, where rows are only ever added.
    seen: usize,
    rested_at: Option<Instant>,
    /// When it is to be looked at again, though nothing else happens: it is behind what is shown.
    later: Option<Duration>,
}

impl Ordered {
    /// How many rows are shown.
    pub fn len(&self, rows: &dyn Rows) -> usize {
        self.rows.as_ref().map_or(rows.len() - rows.first(), Vec::len)
    }

    /// The row at a place; none where it is gone.
    pub fn row(&self, rows: &dyn Rows, place: usize) -> Option<usize> {
        let row = match &self.rows {
            Some(order) => *order.get(place)?,
            None => place + rows.first(),
        };
        (rows.first()..rows.len()).contains(&row).then_some(row)
    }

    /// The place of a row.
    pub fn place(&self, rows: &dyn Rows, row: usize) -> Option<usize> {
        match &self.rows {
            // Without a column they are in order.
            Some(order) if self.column.is_none() => order.binary_search(&row).ok(),
            Some(order) => order.iter().position(|other| *other == row),
            None => (rows.first()..rows.len()).contains(&row).then(|| row - rows.first()),
        }
    }

    /// How much of it is made, in percent, while it is being made.
    pub fn making(&self) -> Option<usize> {
        let making = self.making.as_ref()?;
        Some(making.progress.done.load(Ordering::Relaxed) * 100 / making.all.max(1))
    }

    /// How soon it wants to be refreshed again, where it is behind what is shown and nobody works on it.
    pub fn later(&self) -> Option<Duration> {
        self.later
    }

    /// Goes on making the order of this view, unless it is that already. While it is made the former one is shown. `elsewhere` runs what
    /// takes long, over the same rows.
    pub fn refresh(&mut self, rows: &dyn Rows, view: &Arc<View>, filters: &Filters, elsewhere: &mut dyn FnMut(Work)) {
        let wanted = Recipe { view: Arc::downgrade(view), column: self.column, filters: filters.clone() };
        self.later = None;
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
            let rest = self.rested_at.map(|until| until.saturating_duration_since(Instant::now()));
            if let Some(rest) = rest.filter(|rest| is_alike && !rest.is_zero()) {
                self.later = Some(rest);
                return;
            }
            self.begin(rows, wanted, elsewhere);
        }
        self.take();
    }

    fn begin(&mut self, rows: &dyn Rows, recipe: Recipe, elsewhere: &mut dyn FnMut(Work)) {
        let (done, made) = channel();
        let progress = Arc::new(Progress::default());
        let all = rows.len() - rows.first();
        self.making = Some(Making { recipe: recipe.clone(), progress: progress.clone(), all, made });
        let work = move |rows: &dyn Rows| {
            if let Some(made) = recipe.make(rows, &progress) {
                // Whoever asked may want something else by now.
                let _ = done.send(made);
            }
        };
        if all <= INLINE { work(rows) } else { elsewhere(Box::new(work)) }
    }

    /// Takes the order that was made, if it is.
    fn take(&mut self) {
        let Some(making) = &self.making else { return };
        match making.made.try_recv() {
            Ok(made) => {
                self.made = Some(making.recipe.clone());
                self.seen = made.seen;
                self.rows = Some(made.order);
                self.rested_at = Some(Instant::now() + made.spent * REST);
                self.making = None;
            }
            Err(TryRecvError::Empty) => {}
            // It cannot be made: the rows are shown as they were.
            Err(TryRecvError::Disconnected) => {
                self.made = Some(making.recipe.clone());
                self.making = None;
            }
        }
    }

    /// Looks at the rows that came since.
    fn extend(&mut self, rows: &dyn Rows, wanted: Recipe) {
        let began = Instant::now();
        let order = self.rows.get_or_insert_default();
        let gone = order.partition_point(|row| *row < rows.first());
        order.drain(..gone);
        self.seen = self.seen.max(rows.first()).min(rows.len());
        while self.seen < rows.len() {
            let end = (self.seen + SLICE).min(rows.len());
            order.extend((self.seen..end).filter(|&row| wanted.filters.hold(rows, row)));
            self.seen = end;
            if began.elapsed() > BUDGET && end < rows.len() {
                self.later = Some(Duration::ZERO);
                return;
            }
        }
        self.made = Some(wanted);
    }
}

/// A row, as a filter sees it: what the table says of it, and the text of its cells.
struct RowSubject<'a> {
    rows: &'a dyn Rows,
    row: usize,
    own: Option<&'a dyn Subject>,
}

impl Subject for RowSubject<'_> {
    fn any(&self, field: Field, test: &mut dyn FnMut(Value<'_>) -> bool) -> bool {
        let is_own = match self.own {
            Some(own) => own.any(field, test),
            None => self.rows.any(self.row, field, test),
        };
        if is_own {
            return true;
        }
        field == Field::Info && (0..self.rows.columns().len()).any(|column| test(Value::Text(&self.rows.cell(self.row, column).text)))
    }

    fn has(&self, protocol: Protocol) -> bool {
        self.own.map_or_else(|| self.rows.has(self.row, protocol), |own| own.has(protocol))
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
        /// Rows that were there before these.
        gone: usize,
    }

    impl Rows for Counted {
        fn first(&self) -> usize {
            self.gone
        }

        fn columns(&self) -> &'static [Column] {
            COLUMNS
        }

        fn len(&self) -> usize {
            self.gone + self.numbers.len()
        }

        fn cell(&self, row: usize, column: usize) -> Cell {
            self.asked.set(self.asked.get() + 1);
            let number = self.numbers[row - self.gone] * if column == 0 { 1 } else { -1 };
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

    fn refresh(ordered: &mut Ordered, rows: &Counted, view: &Arc<View>, filters: &Filters) {
        ordered.refresh(rows, view, filters, &mut |_| panic!("so few rows are looked at here"));
    }

    #[test]
    fn rows_are_sorted_also_behind_more_than_four_billion_that_are_gone() {
        let gone = 5_000_000_000;
        let rows = Counted { numbers: vec![3, 1, 2], asked: Counter::new(0), gone };
        let mut ordered = Ordered { column: Some((0, false)), ..Ordered::default() };
        refresh(&mut ordered, &rows, &Arc::default(), &Filters::default());
        assert_eq!(order(&ordered, &rows), [gone + 1, gone + 2, gone]);
        assert_eq!(ordered.place(&rows, gone), Some(2));
    }

    #[test]
    fn rows_are_sorted_once_for_a_view_a_column_and_a_direction() {
        let rows = Counted { numbers: vec![3, 1, 2], asked: Counter::new(0), gone: 0 };
        let (view, next) = (Arc::new(View::default()), Arc::new(View::default()));
        let mut ordered = Ordered::default();
        let mut frame = |column, view: &Arc<View>| {
            ordered.column = column;
            ordered.rested_at = None;
            refresh(&mut ordered, &rows, view, &Filters::default());
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
        let rows = Counted { numbers: vec![31, 5, 13, 30], asked: Counter::new(0), gone: 0 };
        let view = Arc::new(View::default());
        let filters = Filters { search: DisplayFilter::parse("info contains 3").expect("a filter"), ..Filters::default() };
        let mut ordered = Ordered { column: Some((0, true)), ..Ordered::default() };
        refresh(&mut ordered, &rows, &view, &filters);
        assert_eq!(order(&ordered, &rows), [0, 3, 2]);
        assert_eq!((ordered.place(&rows, 3), ordered.place(&rows, 1)), (Some(1), None));
    }

    #[test]
    fn a_million_rows_are_sorted_elsewhere_and_the_former_order_stays_meanwhile() {
        let rows = Counted { numbers: (0..1_000_000).map(|row| (row * 7919) % 1_000_003).collect(), asked: Counter::new(0), gone: 0 };
        let view = Arc::new(View::default());
        let mut ordered = Ordered { column: Some((0, false)), ..Ordered::default() };
        let mut given: Vec<Work> = Vec::new();
        for _ in 0..3 {
            ordered.refresh(&rows, &view, &Filters::default(), &mut |work| given.push(work));
            assert_eq!((ordered.row(&rows, 0), ordered.making()), (Some(0), Some(0)));
        }
        assert_eq!((given.len(), rows.asked.get()), (1, 0), "it is begun once, and not here");
        given.pop().expect("one")(&rows);
        ordered.refresh(&rows, &view, &Filters::default(), &mut |_| panic!("it is made already"));
        assert_eq!(ordered.making(), None);
        let sorted: Vec<i64> = order(&ordered, &rows).into_iter().map(|row| rows.numbers[row]).collect();
        assert!(sorted.is_sorted() && sorted.len() == 1_000_000);
    }

    #[test]
    fn an_order_that_rests_is_made_anew_though_no_other_view_comes() {
        let rows = Counted { numbers: vec![3, 1, 2], asked: Counter::new(0), gone: 0 };
        let (view, last) = (Arc::new(View::default()), Arc::new(View::default()));
        let mut ordered = Ordered { column: Some((0, false)), ..Ordered::default() };
        refresh(&mut ordered, &rows, &view, &Filters::default());
        ordered.rested_at = Some(Instant::now() + Duration::from_secs(3600));
        refresh(&mut ordered, &rows, &last, &Filters::default());
        assert!(ordered.later().is_some_and(|rest| rest > Duration::from_secs(3000)), "the window is woken then");
        ordered.rested_at = Some(Instant::now());
        refresh(&mut ordered, &rows, &last, &Filters::default());
        assert_eq!((ordered.later(), ordered.made.as_ref().is_some_and(|made| made.view.ptr_eq(&Arc::downgrade(&last)))), (None, true));
    }

    #[test]
    fn what_nobody_wants_any_more_is_not_made() {
        let rows = Counted { numbers: (0..5_000).collect(), asked: Counter::new(0), gone: 0 };
        let view = Arc::new(View::default());
        let mut ordered = Ordered { column: Some((0, false)), ..Ordered::default() };
        let mut given: Vec<Work> = Vec::new();
        ordered.refresh(&rows, &view, &Filters::default(), &mut |work| given.push(work));
        ordered.column = Some((1, false));
        ordered.refresh(&rows, &view, &Filters::default(), &mut |work| given.push(work));
        given.remove(0)(&rows);
        assert_eq!(rows.asked.get(), 0, "the first one was given up");
        given.remove(0)(&rows);
        ordered.refresh(&rows, &view, &Filters::default(), &mut |_| panic!("it is made already"));
        assert_eq!(ordered.row(&rows, 0), Some(4_999));
    }

    #[test]
    fn where_no_thread_can_be_had_the_rows_stay_as_they_are() {
        let rows = Counted { numbers: (0..5_000).rev().collect(), asked: Counter::new(0), gone: 0 };
        let view = Arc::new(View::default());
        let mut ordered = Ordered { column: Some((0, false)), ..Ordered::default() };
        let mut tries = 0;
        for _ in 0..3 {
            ordered.refresh(&rows, &view, &Filters::default(), &mut |work| {
                tries += 1;
                drop(work);
            });
        }
        assert_eq!((tries, ordered.making(), ordered.row(&rows, 0)), (1, None, Some(0)));
    }
}
