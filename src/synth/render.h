// Draws the frames of a script. Files and training streams are drawn by this one function.
#pragma once

#include <cstdint>
#include <vector>

#include "synth/random.h"
#include "synth/script.h"
#include "synth/world.h"

namespace shijian::synth {

// Holds what is constant over a clip. Keeps a reference to the script; not thread-safe.
class Renderer {
 public:
  explicit Renderer(const Script& script);

  // Draws the picture at `ms` into rgb, U8 [height, width, 3]. The same time gives the same
  // picture.
  void draw(double ms, uint8_t* rgb);

 private:
  struct Look {               // of a scene's background
    Rgb tones[256];           // from dark to light
    double angle_x, angle_y;  // unit vector across the pattern
    double period;            // units
    double phase;             // periods
    double drift;             // periods a second; 0 for most
  };
  Look make_look(const Scene& scene, Random random) const;
  void draw_background(const Scene& scene, const Look& look, double seconds, double shift_x,
                       double shift_y, uint8_t* rgb) const;
  void draw_object(const Object& object, const Placement& at, double shift_x, double shift_y,
                   uint8_t* rgb) const;
  void draw_noise(double ms, uint8_t* rgb) const;

  const Script& script_;
  double unit_;  // pixels
  std::vector<Look> looks_;
  std::vector<int8_t> noise_;  // a table of 2^13 noise values, read from random places
  double flicker_;             // largest relative change of brightness
  double shake_;               // largest shift of the camera, pixels
  double rhythm_[3];           // phases of shake and flicker
};

}  // namespace shijian::synth
