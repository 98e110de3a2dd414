// Tests alone: base64 as a client writes it.
#pragma once

#include <gnutls/gnutls.h>

#include <string>

namespace shijian::server {

inline std::string base64_of(std::string bytes) {
  const gnutls_datum_t from{reinterpret_cast<unsigned char*>(bytes.data()),
                            static_cast<unsigned>(bytes.size())};
  gnutls_datum_t to{};
  if (gnutls_base64_encode2(&from, &to) != GNUTLS_E_SUCCESS) return {};
  std::string text(reinterpret_cast<const char*>(to.data), to.size);
  gnutls_free(to.data);
  return text;
}

}  // namespace shijian::server
