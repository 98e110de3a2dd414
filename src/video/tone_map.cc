#include "video/tone_map.h"

#include <algorithm>
#include <cmath>

namespace shijian::video {
namespace {

constexpr int kNodes = 65;     // on an axis of the table
constexpr int kStepBits = 10;  // 16-bit values between two nodes
constexpr int kStep = 1 << kStepBits;
constexpr int kUnit = 128;  // of a level in the table
// cd/m² that become the white of BT.709: reference white of ITU-R BT.2408, table 1.
constexpr double kReferenceWhite = 203;

using Triple = std::array<double, 3>;

// SMPTE ST 2084, in cd/m² over 10000.
constexpr double kM1 = 2610.0 / 16384, kM2 = 2523.0 / 4096 * 128, kC1 = 3424.0 / 4096,
                 kC2 = 2413.0 / 4096 * 32, kC3 = 2392.0 / 4096 * 32;

double pq_to_light(double value) {
  const double root = std::pow(std::clamp(value, 0.0, 1.0), 1 / kM2);
  return 10000 * std::pow(std::max(root - kC1, 0.0) / (kC2 - kC3 * root), 1 / kM1);
}

double light_to_pq(double light) {
  const double power = std::pow(std::clamp(light / 10000, 0.0, 1.0), kM1);
  return std::pow((kC1 + kC2 * power) / (1 + kC3 * power), kM2);
}

// The inverse OETF of ITU-R BT.2100, table 5: scene light from 0 to 1.
double hlg_to_scene(double value) {
  constexpr double kA = 0.17883277, kB = 1 - 4 * kA;
  const double c = 0.5 - kA * std::log(4 * kA);
  value = std::clamp(value, 0.0, 1.0);
  return value <= 0.5 ? value * value / 3 : (std::exp((value - c) / kA) + kB) / 12;
}

// ITU-R BT.709, item 1.2, and back.
double bt709_of_light(double light) {
  light = std::clamp(light, 0.0, 1.0);
  return light < 0.018 ? 4.5 * light : 1.099 * std::pow(light, 0.45) - 0.099;
}
double bt709_to_light(double value) {
  value = std::clamp(value, 0.0, 1.0);
  return value < 0.081 ? value / 4.5 : std::pow((value + 0.099) / 1.099, 1 / 0.45);
}

// The EETF of ITU-R BT.2390-8, section 5.4.1, for black at 0: light of a display with `peak` to
// that of one whose white is kReferenceWhite. A Hermite spline bends what is brighter than its
// knee.
double roll_off(double light, double peak) {
  if (peak <= kReferenceWhite) return std::min(light, kReferenceWhite);
  const double source = light_to_pq(peak);
  const double max = light_to_pq(kReferenceWhite) / source;
  const double knee = 1.5 * max - 0.5;
  const double value = std::min(light_to_pq(light) / source, 1.0);
  if (value < knee) return light;
  const double t = (value - knee) / (1 - knee), t2 = t * t, t3 = t2 * t;
  const double bent =
      (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (-2 * t3 + 3 * t2) * max;
  return pq_to_light(bent * source);
}

// Linear light to that of BT.709 primaries; of BT.2020 as ITU-R BT.2407 has it.
Triple to_bt709_primaries(const Triple& c, Primaries primaries) {
  constexpr double kFrom2020[3][3] = {{1.660491, -0.587641, -0.072850},
                                      {-0.124550, 1.132900, -0.008349},
                                      {-0.018151, -0.100579, 1.118730}};
  constexpr double kFromP3[3][3] = {
      {1.224940, -0.224940, 0}, {-0.042057, 1.042057, 0}, {-0.019638, -0.078636, 1.098274}};
  if (primaries == Primaries::kBt709) return c;
  const auto& m = primaries == Primaries::kP3 ? kFromP3 : kFrom2020;
  Triple out;
  for (size_t i = 0; i < 3; ++i) out[i] = m[i][0] * c[0] + m[i][1] * c[1] + m[i][2] * c[2];
  return out;
}

// The OOTF of ITU-R BT.2100, table 5, with the gamma of a display of 1000 cd/m²: what the light of
// a scene is multiplied by.
double ootf_gain(const Triple& scene) {
  return std::pow(0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2], 0.2);
}

// Light in cd/m², bent and over reference white.
double bent(double light, const Colour& colour) {
  return roll_off(light, colour.peak) / kReferenceWhite;
}

// Light of the display, 1 being the white of BT.709.
Triple display_light(const Triple& rgb, const Colour& colour) {
  Triple light;
  if (!colour.is_hdr()) {
    std::transform(rgb.begin(), rgb.end(), light.begin(), bt709_to_light);
    return light;
  }
  if (colour.transfer == Transfer::kPq) {
    std::transform(rgb.begin(), rgb.end(), light.begin(), pq_to_light);
  } else {
    std::transform(rgb.begin(), rgb.end(), light.begin(), hlg_to_scene);
    const double gain = ootf_gain(light);
    for (double& c : light) c *= colour.peak * gain;
  }
  for (double& c : light) c = bent(c, colour);
  return light;
}

// A function of light from 0 to 1, by straight lines between points that lie closest at black.
class Curve {
 public:
  explicit Curve(const auto& function) {
    for (int i = 0; i <= kPoints; ++i) {
      const double root = static_cast<double>(i) / kPoints;
      points_[static_cast<size_t>(i)] = function(root * root);
    }
    points_.back() = points_[kPoints];
  }
  double operator()(double light) const {
    const double at = std::sqrt(std::clamp(light, 0.0, 1.0)) * kPoints;
    const auto i = static_cast<size_t>(at);
    return points_[i] + (points_[i + 1] - points_[i]) * (at - static_cast<double>(i));
  }

 private:
  static constexpr int kPoints = 4096;
  std::array<double, kPoints + 2> points_;
};

}  // namespace

Colour colour_of(const AVFrame& frame, double peak) {
  Colour colour;
  if (frame.color_trc == AVCOL_TRC_SMPTE2084) colour.transfer = Transfer::kPq;
  if (frame.color_trc == AVCOL_TRC_ARIB_STD_B67) colour.transfer = Transfer::kHlg;
  const bool wide_matrix =
      frame.colorspace == AVCOL_SPC_BT2020_NCL || frame.colorspace == AVCOL_SPC_BT2020_CL;
  const bool untold = frame.color_primaries == AVCOL_PRI_UNSPECIFIED;
  if (frame.color_primaries == AVCOL_PRI_SMPTE432) {
    colour.primaries = Primaries::kP3;
  } else if (frame.color_primaries == AVCOL_PRI_BT2020 ||
             (untold && (wide_matrix || colour.is_hdr()))) {
    colour.primaries = Primaries::kBt2020;
  }
  // Its OOTF makes a picture of any display: that of 1000 cd/m² is the reference.
  if (colour.is_hdr()) {
    colour.peak = colour.transfer == Transfer::kPq && peak > 0 ? std::clamp(peak, 100.0, 10000.0)
                                                               : kUsualPeak;
  }
  return colour;
}

Triple to_bt709(const Triple& rgb, const Colour& colour) {
  Triple out = to_bt709_primaries(display_light(rgb, colour), colour.primaries);
  for (double& c : out) c = bt709_of_light(c);
  return out;
}

ToneMap::ToneMap(const Colour& colour) : colour_(colour) {
  table_.reserve(size_t{3} * kNodes * kNodes * kNodes);
  const Curve encode([](double light) { return bt709_of_light(light); });
  const Curve bend([&](double light) { return bent(light * colour.peak, colour); });
  const bool hlg = colour.transfer == Transfer::kHlg;
  std::array<double, kNodes> light;  // of the display; of HLG, which mixes channels, of the scene
  for (int i = 0; i < kNodes; ++i) {
    const double value = std::min(1.0, i * kStep / 65535.0);
    light[static_cast<size_t>(i)] =
        hlg ? hlg_to_scene(value) : display_light({value, value, value}, colour)[0];
  }
  for (const double r : light) {
    for (const double g : light) {
      for (const double b : light) {
        Triple c{r, g, b};
        if (hlg) {
          const double gain = ootf_gain(c);
          for (double& channel : c) channel = bend(channel * gain);
        }
        for (const double channel : to_bt709_primaries(c, colour.primaries)) {
          table_.push_back(static_cast<uint16_t>(std::lround(encode(channel) * 255 * kUnit)));
        }
      }
    }
  }
}

void ToneMap::map_row(const uint16_t* in, uint8_t* out, int width) const {
  constexpr int kAlong[3] = {3 * kNodes * kNodes, 3 * kNodes, 3};
  for (int x = 0; x < width; ++x, in += 3, out += 3) {
    const uint16_t* node = table_.data();
    int part[3];
    for (int c = 0; c < 3; ++c) {
      node += (in[c] >> kStepBits) * kAlong[c];
      part[c] = in[c] & (kStep - 1);
    }
    // From the cell's near corner to its far one, along the axis of the largest part first.
    int first = 0, second = 1, third = 2;
    if (part[first] < part[second]) std::swap(first, second);
    if (part[second] < part[third]) std::swap(second, third);
    if (part[first] < part[second]) std::swap(first, second);
    const uint16_t* a = node + kAlong[first];
    const uint16_t* b = a + kAlong[second];
    const uint16_t* far = b + kAlong[third];
    for (int c = 0; c < 3; ++c) {
      const int sum = node[c] * (kStep - part[first]) + a[c] * (part[first] - part[second]) +
                      b[c] * (part[second] - part[third]) + far[c] * part[third];
      out[c] = static_cast<uint8_t>((sum + kStep * kUnit / 2) / (kStep * kUnit));
    }
  }
}

}  // namespace shijian::video
