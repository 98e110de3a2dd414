// `shijian bench --reuse`: what a second question about a video costs, and a restart.
#pragma once

#include <filesystem>
#include <string>

namespace shijian::app {

struct ReuseBench {
  std::string name;             // of the model, for the output
  std::filesystem::path model;  // a checkpoint directory
  int threads = 0;              // 0: one for each core
  int seconds = 60;             // of the clip, looked at once a second
  int side = 448;               // of a frame in pixels
  int answer = 32;              // tokens of each answer, stop tokens or not
  bool packed = false;          // prompts are kept in 8 bits
  bool json = false;
};

// Asks about a clip made on the spot, with an empty cache folder: a question; another one; the
// first again; and the first after a restart, when only the folder is left. Prints the times and
// whether the three answers to the first question are the same to the bit; of packed prompts how
// far the likelihoods lie apart.
void run_reuse_bench(const ReuseBench& bench);

// Lends the default model's tokenizer to a checkpoint that has none, so that prompts can be made.
void lend_tokenizer(const std::filesystem::path& model);

}  // namespace shijian::app
