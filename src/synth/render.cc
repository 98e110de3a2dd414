#include "synth/render.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numbers>

#include "synth/shapes.h"

namespace shijian::synth {
namespace {

constexpr int kNoiseValues = 1 << 13;
constexpr double kTwoPi = 2 * std::numbers::pi;

uint8_t to_byte(double value) { return static_cast<uint8_t>(std::clamp(value, 0.0, 255.0)); }

// A triangle wave of period 1 between -1 and 1.
float triangle(float phase) {
  const float fraction = phase - std::floor(phase);
  return 1 - 4 * std::abs(fraction - 0.5f);
}

// Its sharpened form: nearly a square wave, with soft edges that do not flicker when they move.
float square(float phase, float sharpness) {
  return std::clamp(triangle(phase) * sharpness, -1.0f, 1.0f);
}

}  // namespace

Renderer::Renderer(const Script& script) : script_(script), unit_(script.short_side() / 1000.0) {
  Random random = Random(script.key).fork(21);
  for (size_t i = 0; i < script.scenes.size(); ++i) {
    looks_.push_back(make_look(script.scenes[i], random.fork(100 + i)));
  }
  const double sigma = random.chance(20) ? 0 : random.real() * 7;
  noise_.resize(kNoiseValues);
  for (int8_t& value : noise_) {
    double sum = -2;  // four uniform values: nearly a normal one, of variance 1/3
    for (int i = 0; i < 4; ++i) sum += random.real();
    value = static_cast<int8_t>(std::lround(sum * sigma * 1.732));
  }
  flicker_ = random.chance(40) ? 0 : random.real() * 0.05;
  shake_ = random.chance(50) ? 0 : random.real() * 0.011 * script.short_side();
  for (double& phase : rhythm_) phase = random.real() * kTwoPi;
}

Renderer::Look Renderer::make_look(const Scene& scene, Random random) const {
  Look look{};
  const Rgb base = kHueValues[scene.hue];
  const auto pattern = static_cast<Pattern>(scene.pattern);
  const double strength = pattern == Pattern::kPlain ? 0 : 0.75 + 0.25 * random.real();
  for (int i = 0; i < 256; ++i) {
    const double p = (i / 127.5 - 1) * strength;
    const auto tone = [&](uint8_t channel) {
      return to_byte(p > 0 ? channel * (1 + 0.4 * p) + 24 * p : channel * (1 + 0.55 * p));
    };
    look.tones[i] = {tone(base.r), tone(base.g), tone(base.b)};
  }
  // Stripes and waves at any angle; the grid of the others nearly upright.
  const bool any_angle =
      pattern == Pattern::kStripes || pattern == Pattern::kWaves || pattern == Pattern::kGradient;
  const double angle = any_angle ? random.real() * kTwoPi : (random.real() - 0.5) * 0.3;
  look.angle_x = std::cos(angle);
  look.angle_y = std::sin(angle);
  look.period =
      pattern == Pattern::kCheckerboard ? 300 + 200 * random.real() : 180 + 160 * random.real();
  look.phase = random.real();
  look.drift = random.chance(35) ? (random.real() - 0.5) * 0.6 : 0;
  return look;
}

void Renderer::draw_background(const Scene& scene, const Look& look, double seconds, double shift_x,
                               double shift_y, uint8_t* rgb) const {
  const int width = script_.width, height = script_.height;
  const int middle_x = width / 2, middle_y = height / 2;
  const auto pattern = static_cast<Pattern>(scene.pattern);
  const float scale = static_cast<float>(1 / (unit_ * look.period));
  const float ux = static_cast<float>(look.angle_x) * scale,
              uy = static_cast<float>(look.angle_y) * scale;
  const float phase = static_cast<float>(look.phase + look.drift * seconds);
  const float across =
      static_cast<float>(1 / (unit_ * 1000.0 * std::max(width, height) / script_.short_side()));
  for (int y = 0; y < height; ++y) {
    const float py = static_cast<float>(y - shift_y);
    uint8_t* out = rgb + static_cast<size_t>(y) * width * 3;
    for (int x = 0; x < width; ++x, out += 3) {
      const float px = static_cast<float>(x - shift_x);
      const float u = px * ux + py * uy + phase, v = py * ux - px * uy;
      float p = 0;
      switch (pattern) {
        case Pattern::kPlain:
          break;
        case Pattern::kStripes:
          p = square(u, 3);
          break;
        case Pattern::kCheckerboard:
          p = square(u, 6) * square(v, 6);
          break;
        case Pattern::kDots: {
          const float du = u - std::floor(u) - 0.5f, dv = v - std::floor(v) - 0.5f;
          p = std::clamp((0.095f - (du * du + dv * dv)) * 24, -1.0f, 1.0f);
          break;
        }
        case Pattern::kGradient:
          p = std::clamp(((px - middle_x) * static_cast<float>(look.angle_x) +
                          (py - middle_y) * static_cast<float>(look.angle_y)) *
                             across * 2.2f,
                         -1.0f, 1.0f);
          break;
        case Pattern::kWaves: {
          const float t = triangle(v * 0.6f);
          p = square(u + 0.28f * t * (1.5f - 0.5f * t * t), 1.6f);  // nearly a sine
          break;
        }
      }
      const Rgb& tone = look.tones[static_cast<int>(p * 127.5f + 127.5f)];
      out[0] = tone.r;
      out[1] = tone.g;
      out[2] = tone.b;
    }
  }
}

void Renderer::draw_object(const Object& object, const Placement& at, double shift_x,
                           double shift_y, uint8_t* rgb) const {
  const int width = script_.width, height = script_.height;
  const double cx = at.x * unit_ + shift_x, cy = at.y * unit_ + shift_y;
  const double hw = object.half_width * unit_, hh = object.half_height * unit_;
  const bool text = object.identity.type != ObjectType::kShape;
  const std::string letters = object.identity.text();
  const double cell = object.cell * unit_;
  const Rgb colour = kColourValues[at.colour];
  const double plate = object.plate ? 0.9 : 0.6;  // how opaque
  const int left = std::max(0, static_cast<int>(std::floor(cx - hw)));
  const int right = std::min(width - 1, static_cast<int>(std::ceil(cx + hw)));
  const int top = std::max(0, static_cast<int>(std::floor(cy - hh)));
  const int bottom = std::min(height - 1, static_cast<int>(std::ceil(cy + hh)));
  // Four sample points a pixel, none in line with another.
  static constexpr double kPoints[4][2] = {
      {0.125, 0.625}, {0.375, 0.125}, {0.625, 0.875}, {0.875, 0.375}};
  for (int y = top; y <= bottom; ++y) {
    for (int x = left; x <= right; ++x) {
      int body = 0, edge = 0;  // sample points in the colour, and in the dark rim or plate
      for (const auto& point : kPoints) {
        const double dx = x + point[0] - cx, dy = y + point[1] - cy;
        if (text) {
          if (std::abs(dx) > hw || std::abs(dy) > hh) continue;
          const bool ink = inside_text(letters, (dx + hw) / cell - 1, (dy + hh) / cell - 1);
          ++(ink ? body : edge);
        } else if (inside_shape(object.identity.value, dx / hw * 1.1, dy / hh * 1.1)) {
          ++body;
        } else if (inside_shape(object.identity.value, dx / hw, dy / hh)) {
          ++edge;
        }
      }
      if (body + edge == 0) continue;
      uint8_t* out = rgb + (static_cast<size_t>(y) * width + x) * 3;
      const double light = text ? 1 : 1.04 - 0.1 * (y - cy) / hh;  // lit from above
      const double in_body = body / 4.0, in_edge = edge / 4.0 * (text ? plate : 0.7);
      const double rest = 1 - in_body - in_edge;
      out[0] = to_byte(out[0] * rest + colour.r * light * in_body + 8 * in_edge);
      out[1] = to_byte(out[1] * rest + colour.g * light * in_body + 8 * in_edge);
      out[2] = to_byte(out[2] * rest + colour.b * light * in_body + 8 * in_edge);
    }
  }
}

void Renderer::draw_noise(double ms, uint8_t* rgb) const {
  const double seconds = ms / 1000;
  const double wave =
      0.6 * std::sin(seconds * 9 + rhythm_[2]) + 0.4 * std::sin(seconds * 23 + rhythm_[0]);
  const int gain = static_cast<int>(std::lround(256 * (1 + flicker_ * wave)));
  Random random = Random(script_.key ^ static_cast<uint64_t>(std::llround(ms * 1000))).fork(31);
  const size_t row = static_cast<size_t>(script_.width) * 3;
  for (int y = 0; y < script_.height; ++y, rgb += row) {
    size_t at = random.below(kNoiseValues);
    for (size_t i = 0; i < row; ++i) {
      const int value = ((rgb[i] * gain) >> 8) + noise_[at++ & (kNoiseValues - 1)];
      rgb[i] = static_cast<uint8_t>(std::clamp(value, 0, 255));
    }
  }
}

void Renderer::draw(double ms, uint8_t* rgb) {
  const double seconds = ms / 1000;
  const double shift_x = shake_ * std::sin(seconds * 7.3 + rhythm_[0]);
  const double shift_y = shake_ * std::sin(seconds * 9.1 + rhythm_[1]);
  const int scene = scene_at(script_, ms);
  draw_background(script_.scenes[scene], looks_[scene], seconds, shift_x, shift_y, rgb);
  for (const Object& object : script_.objects) {
    if (const auto at = placement_at(object, ms)) draw_object(object, *at, shift_x, shift_y, rgb);
  }
  draw_noise(ms, rgb);
}

}  // namespace shijian::synth
