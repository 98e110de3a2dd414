// The safetensors reader on arbitrary bytes: an Error or a header whose every view can be read.
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // A map starts on a page and ends with the file: an exact, aligned block shows reads beyond it.
  const std::unique_ptr<std::byte[]> copy(new std::byte[size]);
  if (size > 0) std::memcpy(copy.get(), data, size);
  try {
    const auto header = shijian::checkpoint::parse_safetensors({copy.get(), size}, "input");
    volatile uint8_t last = 0;  // the reads below must happen
    for (const auto& entry : header.tensors) {
      const auto* bytes = static_cast<const uint8_t*>(entry.view.data);
      for (size_t i = 0; i < entry.view.bytes(); ++i) last = bytes[i];
    }
    (void)last;
  } catch (const shijian::Error&) {
  }
  return 0;
}
