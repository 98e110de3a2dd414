#include "server/data_url.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace shijian::server {
namespace {

std::string bytes_of(std::string_view url) {
  EXPECT_TRUE(is_data_url(url)) << url;
  const DataUrl data = read_data_url(url);
  EXPECT_EQ(data.files.size(), 1u) << url;
  return data.files.front();
}

TEST(DataUrl, HoldsBytes) {
  EXPECT_EQ(bytes_of("data:text/plain;base64,aGVsbG8="), "hello");
  EXPECT_EQ(bytes_of("data:;base64,AP/+"), std::string("\0\xff\xfe", 3));
  EXPECT_EQ(bytes_of("data:a/b;c=d;base64,YQ"), "a");
  EXPECT_FALSE(is_data_url("shapes.mp4"));
  EXPECT_FALSE(is_data_url("dat"));
}

TEST(DataUrl, IsReadAsBrowsersWriteIt) {
  for (const char* url : {
           "data:video/mp4;codecs=avc1.640014,mp4a.40.2;base64,aGVsbG8=",
           "data:video/mp4;codecs=\"avc1.42E01E, mp4a.40.2\";base64,aGVsbG8=",
           "data:video/mp4; codecs=\"avc1.42E01E, mp4a.40.2\"; base64 ,aGVsbG8=",
           "data:video/webm;codecs=vp9,opus;base64,aGVsbG8=",
           "DATA:Video/MP4;BASE64,aGVsbG8=",
           " \n data:video/mp4;base64, aGVs\r\n\tbG8=\n",
           "data:video/mp4;base64,aGVs%0D%0AbG8%3D",
           "data:video%2Fmp4%3Bbase64%2CaGVsbG8%3d",
           "data:video/mp4;base64,aGVsbG8",
           "data:video/mp4;charset=utf-8;base64,aGVsbG8=#t=1,2",
           "data:video/mp4;name=a%23b.mp4;base64,aGVsbG8=",
           "data:video/mp4;name=100%.mp4;base64,aGVsbG8=",
           "data:video/mp4;name=%4;base64,aGVsbG8%3D#%",
       }) {
    EXPECT_EQ(bytes_of(url), "hello") << url;
  }
  EXPECT_EQ(read_data_url("data: Video/WebM ;codecs=vp9,opus;base64,aGVsbG8=").type, "video/webm");
  // A slash and a plus: percent-encoded, and in the alphabet for URLs.
  for (const char* url : {"data:;base64,AP/+", "data:;base64,AP%2F%2B", "data:;base64,AP_-"}) {
    EXPECT_EQ(bytes_of(url), std::string("\0\xff\xfe", 3)) << url;
  }
}

TEST(DataUrl, HoldsFrames) {
  const DataUrl frames = read_data_url("data:video/jpeg;base64,YQ==,Yg==, Yw==");
  EXPECT_EQ(frames.type, "video/jpeg");
  EXPECT_EQ(frames.files, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(DataUrl, SaysWhatIsWrong) {
  for (const char* url :
       {"data:", "data:text/plain,hello", "data:;base64,", "data:;base64,====", "data:;base64,a",
        "data:;base64,ab*=", "data:;base64,YQ=b", "data:;base64,YQ==,", "data:;base64,YQ%3",
        "data:video/mp4;codecs=a,b;charset=x,YQ=="}) {
    EXPECT_THROW(read_data_url(url), Error) << url;
  }
}

}  // namespace
}  // namespace shijian::server
