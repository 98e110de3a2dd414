// The web page's files, as they were built into the program.
#pragma once

#include <span>
#include <string_view>

namespace shijian::server {

struct PageFile {
  std::string_view path;  // "/index.html"
  std::string_view content_type;
  std::string_view raw;
  std::string_view gzip;  // the same, compressed
};

// Empty in a build without the page.
std::span<const PageFile> page_files();

}  // namespace shijian::server
