// The formats of editing programs. Each returns one whole document. Internal to exchange/.
#pragma once

#include <span>
#include <string>

#include "exchange/formats.h"

namespace shijian::exchange {

std::string write_edl(std::span<const grounding::Answer> answers, const ExportOptions& options);
std::string write_marker_edl(std::span<const grounding::Answer> answers,
                             const ExportOptions& options);
std::string write_fcpxml(std::span<const grounding::Answer> answers, const ExportOptions& options);
std::string write_xmeml(std::span<const grounding::Answer> answers, const ExportOptions& options);
std::string write_otio(std::span<const grounding::Answer> answers, const ExportOptions& options);
std::string write_llc(std::span<const grounding::Answer> answers, const ExportOptions& options);
std::string write_llc_csv(std::span<const grounding::Answer> answers, const ExportOptions& options);
std::string write_chapters(std::span<const grounding::Answer> answers,
                           const ExportOptions& options);
std::string write_labels(std::span<const grounding::Answer> answers, const ExportOptions& options);

}  // namespace shijian::exchange
