// Puts a constraint between a model and its next token.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "model/generate.h"

namespace shijian::engine {

// `constraint` has take(token) and edit(scores), and forced() where it knows tokens that need no
// model; it outlives the generation.
template <class Constraint>
void constrain(model::GenerateOptions& options, Constraint& constraint) {
  const auto follow = [&constraint, taken = std::make_shared<size_t>(0)](
                          std::span<const model::TokenChoice> so_far) {
    for (; *taken < so_far.size(); ++*taken) constraint.take(so_far[*taken].token);
  };
  options.constrain = [&constraint, follow](auto so_far, auto scores) {
    follow(so_far);
    constraint.edit(scores);
  };
  if constexpr (requires { constraint.forced(); }) {
    options.forced = [&constraint, follow](auto so_far) {
      follow(so_far);
      return constraint.forced();
    };
  }
}

}  // namespace shijian::engine
