//! The charts' options for ECharts, by their types: panes, axes, how a line looks. The page's program puts the
//! bars in, and the words; what stands here is the same for every symbol.
//!
//! A colour is the name of one of the style sheet's, such as `--up`: the program puts what that is in the
//! reader's theme.

use charming::Chart;
use charming::component::{Axis, DataZoom, DataZoomType, Grid};
use charming::element::{
    AreaStyle, AxisLabel, AxisLine, AxisPointer, AxisPointerLink, AxisPointerType, AxisTick,
    AxisType, DataBackground, ItemStyle, Label, LineStyle, LineStyleType, SplitLine, Symbol,
    Tooltip, Trigger,
};
use charming::series::{Bar, Candlestick, Custom, Line, Scatter, Series};
use serde_json::{Map, Value, json};

use crate::Error;

/// Panes of the market's chart, from above: price, volume, RSI, MACD.
const PANES: usize = 4;
/// Room of the axis on the right, pixels.
const AXIS: i32 = 78;

/// All options by name.
pub(crate) fn all() -> Result<Value, Error> {
    Ok(json!({
        "market": beyond(tree(&market())?),
        "lines": lines()?,
        "columns": tree(&columns())?,
        "points": tree(&points())?,
        "heat": tree(&heat())?,
    }))
}

/// An option as JSON, its whole numbers as such.
fn tree<T: serde::Serialize>(option: &T) -> Result<Value, Error> {
    fn whole(value: Value) -> Value {
        match value {
            Value::Number(n) => match n.as_f64() {
                Some(x) if x.fract() == 0.0 && x.abs() < 1e9 => Value::from(x as i64),
                _ => Value::Number(n),
            },
            // an axis has one colour, where the types speak of segments of a gauge
            Value::Array(list) => match list.as_slice() {
                [Value::Array(segment)] if segment.len() == 2 && segment[1].is_string() => {
                    segment[1].clone()
                }
                _ => list.into_iter().map(whole).collect(),
            },
            Value::Object(map) => {
                map.into_iter().map(|(k, v)| (k, whole(v))).collect::<Map<_, _>>().into()
            }
            other => other,
        }
    }
    Ok(whole(option.serialize(serde_json::value::Serializer)?))
}

fn grid_lines() -> SplitLine {
    SplitLine::new().show(true).line_style(LineStyle::new().color("--grid").width(1))
}

fn line_at(color: &str) -> AxisLine {
    AxisLine::new().show(true).line_style((1.0, color))
}

fn no_line() -> AxisLine {
    AxisLine::new().show(false)
}

fn no_ticks() -> AxisTick {
    AxisTick::new().show(false)
}

/// The words at an axis.
fn words() -> AxisLabel {
    AxisLabel::new().color("--muted").font_size(11)
}

/// The line of all bars in the overview.
fn shadow(color: &str) -> DataBackground {
    DataBackground::new()
        .line_style(LineStyle::new().color(color).width(1).opacity(1))
        .area_style(AreaStyle::new().opacity(0))
}

/// What a pane is marked at, where that is told: an RSI where it is called low and high, a MACD at zero.
fn marked(pane: usize) -> Vec<i32> {
    match pane {
        2 => vec![30, 70],
        3 => vec![0],
        _ => Vec::new(),
    }
}

/// What follows the pointer along an axis, and tells where it is.
fn cross(told: bool) -> AxisPointer {
    AxisPointer::new()
        .type_(AxisPointerType::Line)
        .animation(false)
        .line_style(LineStyle::new().color("--muted").width(1).type_(LineStyleType::Dashed))
        .label(
            Label::new()
                .show(told)
                .color("--bg")
                .background_color("--ink")
                .font_size(11)
                .padding((4, 6, 4, 6)),
        )
}

/// Candles, volume, RSI and MACD over one axis of bars, with an overview below. Where a pane stands is told by
/// the program, for panes come and go.
fn market() -> Chart {
    let mut chart = Chart::new()
        .animation(false)
        .tooltip(Tooltip::new().trigger(Trigger::Axis).axis_pointer(cross(true)))
        .axis_pointer(AxisPointer::new().link(vec![AxisPointerLink::new().x_axis_index("all")]));
    for pane in 0..PANES {
        chart = chart
            .grid(Grid::new().left(0).right(AXIS))
            .x_axis(
                Axis::new()
                    .type_(AxisType::Category)
                    .grid_index(pane as i32)
                    .boundary_gap(true)
                    .axis_line(line_at("--line"))
                    .axis_tick(no_ticks())
                    .axis_label(words())
                    .axis_pointer(cross(false))
                    .split_line(grid_lines()),
            )
            .y_axis(
                Axis::new()
                    .type_(AxisType::Value)
                    .grid_index(pane as i32)
                    .position("right")
                    .scale(pane == 0 || pane == 3)
                    .split_number(if pane == 0 { 5 } else { 2 })
                    .axis_line(no_line())
                    .axis_tick(no_ticks().custom_values(marked(pane)))
                    .axis_label(marked(pane).into_iter().fold(words(), AxisLabel::custom_values))
                    .axis_pointer(cross(true).show(true))
                    .split_line(grid_lines()),
            );
    }
    // the fifth axis spans the first pane from 0 to 1: where bars are not there, the pane is hatched
    chart = chart.y_axis(
        Axis::new()
            .type_(AxisType::Value)
            .grid_index(0)
            .min(0)
            .max(1)
            .show(false)
            .axis_pointer(AxisPointer::new().show(false)),
    );
    let panes =
        || (0..PANES as i32).map(charming::datatype::CompositeValue::from).collect::<Vec<_>>();
    let panes = || charming::datatype::CompositeValue::Array(panes());
    chart
        .data_zoom(
            DataZoom::new()
                .type_(DataZoomType::Inside)
                .id("inside")
                .x_axis_index(panes())
                .min_value_span(12),
        )
        .data_zoom(
            DataZoom::new()
                .type_(DataZoomType::Slider)
                .id("overview")
                .x_axis_index(panes())
                .left(0)
                .right(AXIS)
                .brush_select(false)
                .throttle(20)
                .data_background(shadow("--muted"))
                .selected_data_background(shadow("--accent"))
                .background_color("--clear")
                .filler_color("--band")
                .border_color("--line"),
        )
        .series(Series::Candlestick(Candlestick::new().id("candles").name("price")))
        .series(
            Bar::new().id("gaps").name("no bars").x_axis_index(0).y_axis_index(4).bar_width("100%"),
        )
        .series(Bar::new().id("volume").name("volume").x_axis_index(1).y_axis_index(1))
        .series(Scatter::new().id("events").name("events").x_axis_index(0).y_axis_index(0))
}

/// What ECharts knows and the types do not: how candles look, that many are drawn at once, how the view is moved.
fn beyond(mut market: Value) -> Value {
    let mut put = |path: &str, more: Value| {
        if let (Some(Value::Object(of)), Value::Object(more)) = (market.pointer_mut(path), more) {
            of.extend(more);
        }
    };
    // rising candles are hollow, falling ones filled: they differ in form too
    let look = json!({
        "color": "--surface", "color0": "--down", "borderColor": "--up", "borderColor0": "--down",
        "borderColorDoji": "--up",
    });
    // rows of a dataset: what a series has itself ECharts would put one a place
    put(
        "/series/0",
        json!({
            "datasetIndex": 0, "encode": { "x": 0, "y": [1, 2, 3, 4] }, "itemStyle": look, "barMaxWidth": 15,
            "large": true, "largeThreshold": 700, "progressive": 0, "emphasis": { "disabled": true },
        }),
    );
    put("/series/1", json!({ "barCategoryGap": 0, "silent": true, "large": true, "z": 0 }));
    put("/series/3", json!({ "silent": true, "z": 5, "clip": true }));
    put("/tooltip", json!({ "showContent": false }));
    put("/dataZoom/0", json!({ "moveOnMouseWheel": false, "preventDefaultMouseMove": false }));
    let handle = json!({ "color": "--accent", "borderWidth": 0 });
    put(
        "/dataZoom/1",
        json!({
            "showDetail": false, "showDataShadow": true, "handleSize": "60%", "moveHandleSize": 0,
            "handleStyle": handle, "emphasis": { "handleStyle": handle },
        }),
    );
    for pane in 0..2 {
        // the ends are no round numbers
        put(
            &format!("/yAxis/{pane}/axisLabel"),
            json!({ "showMinLabel": false, "showMaxLabel": false }),
        );
    }
    market
}

/// How the kinds of indicators are drawn. The colour of a line over candles is told by its turn.
fn lines() -> Result<Value, Error> {
    let line = |pane: i32, style: LineStyle| {
        Line::new()
            .x_axis_index(pane)
            .y_axis_index(pane)
            .symbol(Symbol::None)
            .silent(true)
            .line_style(style)
    };
    let style = |color: &str| LineStyle::new().color(color).width(1.4);
    let band = |color: &str| line(0, LineStyle::new().color(color).width(1)).stack("band");
    let mut rsi = tree(&line(2, style("--c")))?;
    rsi["markArea"] = json!({
        "silent": true, "itemStyle": { "color": "--band" }, "data": [[{ "yAxis": 30 }, { "yAxis": 70 }]],
    });
    Ok(json!({
        "line": tree(&line(0, style("--a")))?,
        "lower": tree(&band("--band-line"))?,
        "upper": tree(&band("--band-line").area_style(AreaStyle::new().color("--band")))?,
        "rsi": rsi,
        "macd": tree(&line(3, style("--accent")))?,
        "signal": tree(&line(3, style("--a").type_(LineStyleType::Dashed)))?,
        "histogram": tree(&Bar::new().x_axis_index(3).y_axis_index(3))?,
    }))
}

/// Columns over days, months or runs.
fn columns() -> Chart {
    Chart::new()
        .animation(false)
        .grid(Grid::new().left(54).right(6).top(10).bottom(24))
        .tooltip(
            Tooltip::new()
                .trigger(Trigger::Axis)
                .axis_pointer(AxisPointer::new().type_(AxisPointerType::Shadow).animation(false)),
        )
        .x_axis(
            Axis::new()
                .type_(AxisType::Category)
                .axis_line(line_at("--line"))
                .axis_tick(no_ticks())
                .axis_label(words()),
        )
        .y_axis(
            Axis::new()
                .type_(AxisType::Value)
                .split_number(4)
                .axis_line(no_line())
                .axis_tick(no_ticks())
                .axis_label(words())
                .split_line(grid_lines()),
        )
        .series(Bar::new().item_style(ItemStyle::new().color("--accent")))
}

/// Points over two axes of ratios.
fn points() -> Chart {
    let axis = || {
        Axis::new()
            .type_(AxisType::Log)
            .axis_line(no_line())
            .axis_tick(no_ticks())
            .axis_label(words())
            .split_line(grid_lines())
    };
    Chart::new()
        .animation(false)
        .grid(Grid::new().left(62).right(14).top(10).bottom(24))
        .tooltip(Tooltip::new().trigger(Trigger::Item))
        .x_axis(axis())
        .y_axis(axis())
        .series(Scatter::new().symbol_size(6).item_style(ItemStyle::new().color("--accent")))
}

/// Cells of rows and days; how a cell looks is told by the program.
fn heat() -> Chart {
    let axis = || {
        Axis::new()
            .type_(AxisType::Category)
            .axis_line(no_line())
            .axis_tick(no_ticks())
            .axis_label(words())
    };
    Chart::new()
        .animation(false)
        .grid(Grid::new().left(0).right(0).top(0).bottom(0))
        .tooltip(Tooltip::new().trigger(Trigger::Item))
        .x_axis(axis().position("top"))
        .y_axis(axis())
        .series(Series::Custom(Custom::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of an option.
    fn texts(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::String(text) => out.push(text.clone()),
            Value::Array(list) => list.iter().for_each(|value| texts(value, out)),
            Value::Object(map) => map.values().for_each(|value| texts(value, out)),
            _ => {}
        }
    }

    #[test]
    fn colours_are_those_of_the_style_sheet() {
        let style = include_str!("../assets/page.css");
        let mut found = Vec::new();
        texts(&all().unwrap(), &mut found);
        let names: Vec<_> = found.iter().filter(|text| text.starts_with("--")).collect();
        assert!(names.len() > 20);
        for name in names {
            assert!(style.contains(&format!("{name}: ")), "{name}");
        }
        assert!(
            !found.iter().any(|text| text.starts_with('#') || text.starts_with("rgb")),
            "{found:?}"
        );
    }

    #[test]
    fn panes_share_their_zoom_and_their_cross() {
        let market = tree(&market()).unwrap();
        assert_eq!(market["grid"].as_array().unwrap().len(), PANES);
        for zoom in market["dataZoom"].as_array().unwrap() {
            assert_eq!(zoom["xAxisIndex"], json!([0, 1, 2, 3]));
        }
        assert_eq!(market["axisPointer"][0]["link"], json!([{ "xAxisIndex": "all" }]));
        assert_eq!(market["yAxis"][2]["axisLabel"]["customValues"], json!([30, 70]));
        assert_eq!(market["xAxis"][0]["axisLine"]["lineStyle"]["color"], "--line");
    }
}
