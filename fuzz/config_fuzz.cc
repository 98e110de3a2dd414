// The readers of a checkpoint's JSON files on arbitrary bytes. The first byte chooses the reader.
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "checkpoint/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view json(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    switch (data[0]) {
      case 'g':
        shijian::checkpoint::parse_generation_config(json, "input");
        break;
      case 'i':
        shijian::checkpoint::parse_image_processor(json, "input");
        break;
      case 'v':
        shijian::checkpoint::parse_video_processor(json, "input");
        break;
      default: {
        const auto config = shijian::checkpoint::parse_model_config(json, "input");
        for (int64_t i = 0; i < config.text.num_layers; ++i) config.text.is_sparse_layer(i);
      }
    }
  } catch (const shijian::Error&) {
  }
  return 0;
}
