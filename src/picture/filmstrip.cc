#include "picture/filmstrip.h"

#include <cairo.h>
#include <pango/pangocairo.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/threads.h"

namespace shijian::picture {
namespace {

constexpr double kWidth = 1280;
constexpr double kMargin = 32;
constexpr double kGap = 8;
constexpr int kThumbnails = 8;
constexpr double kBarHeight = 34;
constexpr double kLookHeight = 6;
constexpr double kCurveHeight = 24;

struct Color {
  double r, g, b;
};
constexpr Color kPaper{1, 1, 1};
constexpr Color kInk{0.11, 0.13, 0.16};
constexpr Color kFaint{0.45, 0.48, 0.53};
constexpr Color kTrack{0.90, 0.91, 0.93};
// Distinct under the common colour-vision deficiencies (Okabe and Ito's set, darkened).
constexpr std::array<Color, 4> kEventColors = {
    {{0.00, 0.45, 0.70}, {0.84, 0.37, 0.00}, {0.00, 0.55, 0.42}, {0.70, 0.40, 0.58}}};

struct Destroy {
  void operator()(cairo_surface_t* p) const { cairo_surface_destroy(p); }
  void operator()(cairo_t* p) const { cairo_destroy(p); }
  void operator()(PangoLayout* p) const { g_object_unref(p); }
  void operator()(PangoFontDescription* p) const { pango_font_description_free(p); }
};
template <typename T>
using Owned = std::unique_ptr<T, Destroy>;

class Canvas {
 public:
  explicit Canvas(double height)
      : surface_(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(kWidth),
                                            static_cast<int>(std::ceil(height)))),
        cairo_(cairo_create(surface_.get())) {
    set(kPaper);
    cairo_paint(cairo_.get());
  }

  void set(Color c) { cairo_set_source_rgb(cairo_.get(), c.r, c.g, c.b); }

  void fill_rect(double x, double y, double width, double height, Color c) {
    set(c);
    cairo_rectangle(cairo_.get(), x, y, width, height);
    cairo_fill(cairo_.get());
  }

  void frame_rect(double x, double y, double width, double height, double line, Color c) {
    set(c);
    cairo_set_line_width(cairo_.get(), line);
    cairo_rectangle(cairo_.get(), x, y, width, height);
    cairo_stroke(cairo_.get());
  }

  enum class Align { kLeft, kCenter, kRight };
  // Draws text whose box begins, is centred or ends at x; wraps at `width` when it is positive.
  // Returns the height it took. Draws nothing when `draw` is false.
  double text(const std::string& words, double x, double y, double size, Color color, Align align,
              double width = 0, bool bold = false, bool draw = true) {
    Owned<PangoLayout> layout(pango_cairo_create_layout(cairo_.get()));
    Owned<PangoFontDescription> font(pango_font_description_new());
    pango_font_description_set_family(font.get(), "sans-serif");
    pango_font_description_set_absolute_size(font.get(), size * PANGO_SCALE);
    if (bold) pango_font_description_set_weight(font.get(), PANGO_WEIGHT_BOLD);
    pango_layout_set_font_description(layout.get(), font.get());
    pango_layout_set_text(layout.get(), words.data(), static_cast<int>(words.size()));
    if (width > 0) {
      pango_layout_set_width(layout.get(), static_cast<int>(width * PANGO_SCALE));
      pango_layout_set_wrap(layout.get(), PANGO_WRAP_WORD_CHAR);
      pango_layout_set_height(layout.get(), -kMaxLines);
      pango_layout_set_ellipsize(layout.get(), PANGO_ELLIPSIZE_END);
    }
    int text_width = 0;
    int text_height = 0;
    pango_layout_get_pixel_size(layout.get(), &text_width, &text_height);
    if (draw) {
      if (align == Align::kCenter) x -= text_width / 2.0;
      if (align == Align::kRight) x -= text_width;
      x = std::clamp(x, 0.0, std::max(0.0, kWidth - text_width));
      set(color);
      cairo_move_to(cairo_.get(), x, y);
      pango_cairo_show_layout(cairo_.get(), layout.get());
    }
    return text_height;
  }

  // Draws RGB pixels [height, width, 3] scaled into a box.
  void picture(const uint8_t* rgb, int height, int width, double x, double y, double box_width,
               double box_height) {
    Owned<cairo_surface_t> image(cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height));
    unsigned char* rows = cairo_image_surface_get_data(image.get());
    if (rows == nullptr) return;
    const int stride = cairo_image_surface_get_stride(image.get());
    for (int i = 0; i < height; ++i) {
      auto* out = reinterpret_cast<uint32_t*>(rows + static_cast<ptrdiff_t>(i) * stride);
      for (int j = 0; j < width; ++j, rgb += 3) {
        out[j] = static_cast<uint32_t>(rgb[0]) << 16 | static_cast<uint32_t>(rgb[1]) << 8 | rgb[2];
      }
    }
    cairo_surface_mark_dirty(image.get());
    cairo_save(cairo_.get());
    cairo_translate(cairo_.get(), x, y);
    cairo_scale(cairo_.get(), box_width / width, box_height / height);
    cairo_set_source_surface(cairo_.get(), image.get(), 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cairo_.get()), CAIRO_FILTER_BEST);
    cairo_pattern_set_extend(cairo_get_source(cairo_.get()), CAIRO_EXTEND_PAD);
    cairo_rectangle(cairo_.get(), 0, 0, width, height);
    cairo_fill(cairo_.get());
    cairo_restore(cairo_.get());
  }

  std::string png() {
    std::string bytes;
    const cairo_status_t status = cairo_surface_write_to_png_stream(
        surface_.get(),
        [](void* sink, const unsigned char* data, unsigned int size) {
          static_cast<std::string*>(sink)->append(reinterpret_cast<const char*>(data), size);
          return CAIRO_STATUS_SUCCESS;
        },
        &bytes);
    if (status != CAIRO_STATUS_SUCCESS) {
      throw Error(ErrorCode::kNoMemory,
                  "draw the picture: {}"_text(Text::words(cairo_status_to_string(status))));
    }
    return bytes;
  }

 private:
  static constexpr int kMaxLines = 4;
  Owned<cairo_surface_t> surface_;
  Owned<cairo_t> cairo_;
};

// Pango and GLib end the program where they get no memory or no thread: both are tried before.
void require_room() {
  constexpr size_t kRoom = size_t{256} << 20;  // bytes of address space; fonts are mapped
  constexpr int kRoomThreads = 4;
  void* memory =
      ::mmap(nullptr, kRoom, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw system_error("draw the picture"_text, errno);
  ::munmap(memory, kRoom);
  const ThreadPool pool(1 + kRoomThreads);
}

// Ticks at 1, 2 or 5 times a power of ten, or a round part of a minute: about ten of them.
double tick_step(double seconds) {
  constexpr std::array<double, 18> kSteps = {0.1, 0.2, 0.5, 1,   2,   5,    10,   15,   30,
                                             60,  120, 300, 600, 900, 1800, 3600, 7200, 14400};
  for (double step : kSteps) {
    if (seconds / step <= 12) return step;
  }
  return std::ceil(seconds / 12 / 3600) * 3600;
}

std::string tick_label(double seconds, double step) {
  const auto whole = static_cast<int64_t>(std::floor(seconds + 1e-6));
  if (step < 1) {
    const int64_t minutes = whole / 60;
    return fmt::format("{}:{:04.1f}", minutes, seconds - static_cast<double>(minutes) * 60);
  }
  if (whole >= 3600) {
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  }
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

class Filmstrip {
 public:
  Filmstrip(const grounding::Answer& answer, const FilmstripFrames& frames, TimeFormat format)
      : answer_(answer), frames_(frames), format_(format) {
    from_ = answer.sampling.from;
    to_ = answer.sampling.to > from_ ? answer.sampling.to : from_ + 1;
  }

  // Lays out and, when `draw` is set, draws; returns the height needed.
  double lay_out(Canvas& canvas, bool draw) const {
    double y = kMargin;
    const double width = kWidth - 2 * kMargin;
    using Align = Canvas::Align;
    y += canvas.text(answer_.question, kMargin, y, 26, kInk, Align::kLeft, width, true, draw) + 16;
    y = thumbnails(canvas, y, draw) + 14;
    y = looks(canvas, y, draw);
    y = curve(canvas, y, draw);
    y = time_line(canvas, y, draw) + 18;
    for (size_t i = 0; i < answer_.events.size() && i < kMaxListed; ++i) {
      y += event_line(canvas, i, y, draw) + 6;
    }
    if (answer_.events.size() > kMaxListed) y += left_out_line(canvas, y, draw) + 6;
    if (answer_.events.empty() || !answer_.response.empty()) {
      y +=
          canvas.text(answer_.response, kMargin, y, 18, kInk, Align::kLeft, width, false, draw) + 6;
    }
    const std::string foot =
        fmt::format("{} · {} · {:.3f} s · {} frames at {}x{} · {}",
                    std::filesystem::path(answer_.video.path).filename().string(),
                    answer_.video.codec, answer_.video.duration, answer_.sampling.frames,
                    answer_.sampling.width, answer_.sampling.height, answer_.model);
    y += canvas.text(foot, kMargin, y + 8, 14, kFaint, Align::kLeft, width, false, draw) + 8;
    return y + kMargin;
  }

 private:
  static constexpr size_t kMaxListed = 8;

  double x_of(double seconds) const {
    const double part = std::clamp((seconds - from_) / (to_ - from_), 0.0, 1.0);
    return kMargin + part * (kWidth - 2 * kMargin);
  }

  static Color color_of(size_t event) { return kEventColors[event % kEventColors.size()]; }

  double thumbnails(Canvas& canvas, double y, bool draw) const {
    if (frames_.rgb == nullptr || frames_.rgb->empty() || frames_.times.empty()) return y;
    const auto count = static_cast<int64_t>(frames_.times.size());
    const auto height = static_cast<int>(frames_.rgb->dim(1));
    const auto width = static_cast<int>(frames_.rgb->dim(2));
    const int shown = static_cast<int>(std::min<int64_t>(kThumbnails, count));
    const double box_width = (kWidth - 2 * kMargin - (kThumbnails - 1) * kGap) / kThumbnails;
    const double box_height = box_width * height / width;
    for (int i = 0; draw && i < shown; ++i) {
      const int64_t frame = (2 * i + 1) * count / (2 * shown);
      const double time = frames_.times[frame];
      const double x = kMargin + i * (box_width + kGap);
      canvas.picture(frames_.rgb->data<uint8_t>() + frame * height * width * 3, height, width, x, y,
                     box_width, box_height);
      for (size_t e = 0; e < answer_.events.size(); ++e) {
        if (time >= answer_.events[e].start && time <= answer_.events[e].end) {
          canvas.frame_rect(x, y, box_width, box_height, 5, color_of(e));
          break;
        }
      }
      canvas.text(format_time(time, TimeFormat::kMinutesCentis), x + box_width / 2,
                  y + box_height + 3, 14, kFaint, Canvas::Align::kCenter);
      canvas.fill_rect(x_of(time) - 1, y + box_height + 28, 2, 6, kFaint);
    }
    return y + box_height + 24;
  }

  // Where it was looked and how closely: the darker, the more frames a second.
  double looks(Canvas& canvas, double y, bool draw) const {
    std::vector<grounding::PlannedLook> plan = answer_.sampling.plan;
    if (plan.size() < 2) return y;
    std::stable_sort(plan.begin(), plan.end(),
                     [](const auto& a, const auto& b) { return a.fps < b.fps; });
    const double least = std::max(plan.front().fps, 1e-3), most = plan.back().fps;
    for (const grounding::PlannedLook& look : plan) {
      if (!draw) break;
      const double share = most > least ? std::log(look.fps / least) / std::log(most / least) : 0;
      const auto shade = [&](double from, double to) { return from + share * (to - from); };
      const double left = x_of(look.from), right = x_of(look.to);
      canvas.fill_rect(left, y, std::max(2.0, right - left - 1), kLookHeight,
                       {shade(kTrack.r, kInk.r), shade(kTrack.g, kInk.g), shade(kTrack.b, kInk.b)});
    }
    return y + kLookHeight + 4;
  }

  // What the question attends to: a bar for each slot, as high as the attention is strong.
  double curve(Canvas& canvas, double y, bool draw) const {
    const std::vector<grounding::CurvePoint>& points = answer_.curve;
    if (points.size() < 2) return y;
    double most = 1e-9;
    for (const grounding::CurvePoint& point : points) most = std::max(most, point.value);
    for (size_t i = 0; draw && i < points.size(); ++i) {
      const size_t left = i == 0 ? 0 : i - 1, right = std::min(i + 1, points.size() - 1);
      const double from = x_of((points[left].time + points[i].time) / 2);
      const double to = x_of((points[i].time + points[right].time) / 2);
      const double height = kCurveHeight * points[i].value / most;
      canvas.fill_rect(from, y + kCurveHeight - height, std::max(1.0, to - from), height, kFaint);
    }
    return y + kCurveHeight + 4;
  }

  double time_line(Canvas& canvas, double y, bool draw) const {
    if (draw) {
      canvas.fill_rect(kMargin, y, kWidth - 2 * kMargin, kBarHeight, kTrack);
      for (size_t e = 0; e < answer_.events.size(); ++e) {
        const double left = x_of(answer_.events[e].start);
        const double right = x_of(answer_.events[e].end);
        canvas.fill_rect(left, y, std::max(3.0, right - left), kBarHeight, color_of(e));
      }
      for (const grounding::Event& event : answer_.rejected) {
        const double left = x_of(event.start), right = x_of(event.end);
        canvas.frame_rect(left, y + 1, std::max(3.0, right - left), kBarHeight - 2, 1.5, kFaint);
      }
      const double step = tick_step(to_ - from_);
      const auto last = static_cast<int64_t>(std::floor(to_ / step + 1e-9));
      for (auto i = static_cast<int64_t>(std::ceil(from_ / step - 1e-9)); i <= last; ++i) {
        const double t = static_cast<double>(i) * step;
        canvas.fill_rect(x_of(t) - 0.5, y + kBarHeight, 1, 6, kFaint);
        canvas.text(tick_label(t, step), x_of(t), y + kBarHeight + 8, 14, kFaint,
                    Canvas::Align::kCenter);
      }
    }
    return y + kBarHeight + 26;
  }

  double event_line(Canvas& canvas, size_t index, double y, bool draw) const {
    const grounding::Event& event = answer_.events[index];
    if (draw) canvas.fill_rect(kMargin, y + 5, 14, 14, color_of(index));
    std::string words =
        fmt::format("{} – {}", format_time(event.start, format_, answer_.video.frame_rate),
                    format_time(event.end, format_, answer_.video.frame_rate));
    if (!event.label.empty() && event.label != answer_.question) words += "   " + event.label;
    if (event.confidence) words += fmt::format("   {:.0f}%", *event.confidence * 100);
    return canvas.text(words, kMargin + 24, y, 18, kInk, Canvas::Align::kLeft,
                       kWidth - 2 * kMargin - 24, false, draw);
  }

  // The time line above shows all events; their times are in the other formats.
  double left_out_line(Canvas& canvas, double y, bool draw) const {
    const size_t more = answer_.events.size() - kMaxListed;
    const bool chinese = answer_.language == Language::kChinese;
    const std::string words =
        chinese ? fmt::format("另有 {} 个事件：见上方时间轴，时间见 JSON 或 CSV", more)
                : fmt::format("and {} more on the time line above; JSON and CSV have their times",
                              more);
    return canvas.text(words, kMargin + 24, y, 18, kFaint, Canvas::Align::kLeft,
                       kWidth - 2 * kMargin - 24, false, draw);
  }

  const grounding::Answer& answer_;
  const FilmstripFrames& frames_;
  TimeFormat format_;
  double from_ = 0;
  double to_ = 1;
};

}  // namespace

std::string draw_filmstrip(const grounding::Answer& answer, const FilmstripFrames& frames,
                           TimeFormat time_format) {
  require_room();
  const Filmstrip strip(answer, frames, time_format);
  Canvas ruler(1);
  Canvas canvas(strip.lay_out(ruler, false));
  strip.lay_out(canvas, true);
  return canvas.png();
}

}  // namespace shijian::picture
