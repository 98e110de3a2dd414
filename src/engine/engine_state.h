// What an engine owns.
#pragma once

#include "engine/caches.h"
#include "engine/loaded_model.h"

namespace shijian::engine {

struct EngineState {
  explicit EngineState(const EngineOptions& options)
      : model(options), caches(options.cache, model.checkpoint(), model.decoder(), model.pool()) {}

  LoadedModel model;
  EngineCaches caches;  // of this model
};

}  // namespace shijian::engine
