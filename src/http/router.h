// Which handler a path and a method belong to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"

namespace shijian::http {

struct Route {
  std::string method;
  std::string pattern;
  std::vector<std::string> parts;  // of the pattern; "{}" takes any part that is not empty
  HttpRouteOptions options;
  HttpHandler handler;  // one of the two
  HttpUploadHandler upload;
  HttpUploadRunner runner = {};  // of the upload
};

class Router {
 public:
  // Adding the same method and pattern twice is a bug.
  void add(std::string method, std::string_view pattern, HttpRouteOptions options,
           HttpHandler handler, HttpUploadHandler upload, HttpUploadRunner runner = {});

  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> captures;
    std::string
        allowed;  // without a route: the methods that the path has, "GET, HEAD"; "": no path
  };
  // `path` is decoded. A part written out comes before "{}", from the left. HEAD goes to GET.
  Match match(std::string_view method, std::string_view path) const;
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
};

}  // namespace shijian::http
