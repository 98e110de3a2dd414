#include "exchange/formats.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace shijian::exchange {
namespace {

namespace fs = std::filesystem;

grounding::Event event(double start, double end, const std::string& label) {
  grounding::Event made;
  made.start = start;
  made.end = end;
  made.label = label;
  return made;
}

grounding::Answer answer(const std::string& path, EditRate rate,
                         std::vector<grounding::Event> events) {
  grounding::Answer made;
  made.question = "When?";
  made.video.path = path;
  made.video.duration = 60;
  made.video.edit_rate = rate;
  made.video.frame_rate = rate.value();
  made.video.width = 1920;
  made.video.height = 1080;
  made.events = std::move(events);
  return made;
}

std::string write(const std::string& name, const std::vector<grounding::Answer>& answers,
                  const fs::path& folder = {}) {
  ExportOptions options;
  options.folder = folder;
  return write_export(*find_export_format(name), answers, options);
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Runs a parser that is not ours over the text and returns what it prints.
std::string parsed_by(const std::string& command, const std::string& text) {
  char name[] = "/tmp/shijian-export-XXXXXX";
  EXPECT_NE(::mkdtemp(name), nullptr);
  const fs::path folder = name;
  std::ofstream(folder / "in") << text;
  const std::string line =
      fmt::format("{} {} > {}", command, (folder / "in").string(), (folder / "out").string());
  EXPECT_EQ(std::system(line.c_str()), 0) << line << "\n" << text;
  std::string out = read_file(folder / "out", 1 << 20);
  fs::remove_all(folder);
  return out;
}
std::string xpath(const std::string& expression, const std::string& text) {
  std::string out = parsed_by("xmllint --nonet --xpath '" + expression + "'", text);
  if (out.ends_with("\n")) out.pop_back();
  return out;
}

constexpr EditRate kPal{25, 1}, kNtsc{30000, 1001};
const std::string kTricky = "<狗> & \"跳\" | 'x'\x01";

TEST(Formats, AreOneTable) {
  std::set<std::string_view> names;
  for (const ExportFormat& format : export_formats()) {
    EXPECT_TRUE(names.insert(format.name).second) << format.name;
    EXPECT_EQ(find_export_format(format.name), &format);
    const std::vector<grounding::Answer> none = {answer("a.mp4", kPal, {})};
    EXPECT_NO_THROW(format.write(none, {})) << format.name;
    EXPECT_NO_THROW(format.write({}, {})) << format.name;
  }
  EXPECT_EQ(find_export_format("pdf"), nullptr);
  const std::vector<grounding::Answer> two = {answer("a.mp4", kPal, {}), answer("b.mp4", kPal, {})};
  for (const char* name : {"edl-markers", "llc", "llc-csv", "youtube", "audacity"}) {
    EXPECT_THROW(write(name, two), Error) << name;
  }
}

TEST(Edl, BeginsAtTheFilesOwnTimeCode) {
  grounding::Answer a = answer("tape.mov", kPal, {event(4.5, 6.7, "MENU")});
  a.video.start_timecode = "01:00:00:00";
  EXPECT_EQ(write("edl", {a}),
            "TITLE: SHIJIAN\nFCM: NON-DROP FRAME\n"
            "001  AX       V     C        01:00:04:13 01:00:06:18 00:00:00:00 00:00:02:05\n"
            "* FROM CLIP NAME: tape.mov\n* COMMENT: MENU\n");
}

TEST(Edl, DropsFramesAsTheFileDoes) {
  grounding::Answer a = answer("a.mov", kNtsc, {event(60.06, 61.061, "x")});
  a.video.duration = 100;
  a.video.start_timecode = "00:59:00;02";
  std::string edl = write("edl", {a});
  EXPECT_TRUE(holds(edl, "FCM: DROP FRAME\n")) << edl;
  // Frames 1800 and 1830 after it: 00:59:00;02 and a minute, over an hour's full number.
  EXPECT_TRUE(holds(edl, "01:00:00;02 01:00:01;02 00:00:00;00 00:00:01;00\n")) << edl;
  a.video.start_timecode = "00:59:00:02";
  edl = write("edl", {a});
  EXPECT_TRUE(holds(edl, "FCM: NON-DROP FRAME\n")) << edl;
  EXPECT_TRUE(holds(edl, "01:00:00:02 01:00:01:02 ")) << edl;
  // Another file whose codes count otherwise.
  const grounding::Answer b = answer("b.mov", kPal, {event(1, 2, "y")});
  a.video.start_timecode = "00:00:00;00";
  edl = write("edl", {a, b});
  EXPECT_TRUE(holds(edl,
                    "FCM: NON-DROP FRAME\n002  AX       V     C        00:00:01:00 00:00:02:00 "
                    "00:00:01;00 00:00:02;00\n"))
      << edl;
}

TEST(Edl, ConformsWhatVaries) {
  grounding::Answer a = answer("screen.mp4", {30, 1}, {event(20, 40, "MENU")});
  a.video.constant_rate = false;
  a.video.frame_rate = 2.07;
  const std::string edl = write("edl", {a});
  EXPECT_TRUE(holds(edl, "00:00:20:00 00:00:40:00 00:00:00:00 00:00:20:00\n")) << edl;
  EXPECT_TRUE(holds(edl, "* COMMENT: TIME CODES COUNT 30 FRAMES A SECOND\n")) << edl;
}

TEST(Edl, NamesNoFrameBehindTheLast) {
  grounding::Answer a = answer("a.mp4", kPal, {event(20, 20, "end"), event(19, 30, "late")});
  a.video.duration = 20;
  const std::string edl = write("edl", {a});
  EXPECT_TRUE(holds(edl, " 00:00:19:24 00:00:20:00 00:00:00:00 00:00:00:01\n")) << edl;
  EXPECT_TRUE(holds(edl, " 00:00:19:00 00:00:20:00 00:00:00:01 00:00:01:01\n")) << edl;
  const std::string xml = write("xmeml", {a});
  EXPECT_EQ(xpath("string(//clipitem[1]/in)", xml), "499");
  EXPECT_EQ(xpath("string(//clipitem[1]/out)", xml), "500");
  EXPECT_EQ(xpath("string(//clipitem[1]/duration)", xml), "500");
  // 1199 frames, where 20 seconds round to the one behind them.
  a = answer("b.mp4", {60000, 1001}, {event(20, 20, "end")});
  a.video.duration = 1199 * 1001 / 60000.0;
  EXPECT_EQ(xpath("string(//clipitem[1]/in)", write("xmeml", {a})), "1198");
  // Of an answer in words alone the length is not known.
  a = answer("c.mp4", kPal, {event(2, 4, "mine")});
  a.video.duration = 0;
  EXPECT_TRUE(holds(write("edl", {a}), " 00:00:02:00 00:00:04:00 ")) << write("edl", {a});
}

TEST(MarkerEdl, IsAsResolveReadsIt) {
  grounding::Answer a = answer("a.mp4", kPal, {event(4.52, 6.72, "a|b")});
  EXPECT_EQ(write("edl-markers", {a}),
            "TITLE: a.mp4\nFCM: NON-DROP FRAME\n\n"
            "001  001      V     C        01:00:04:13 01:00:04:14 01:00:04:13 01:00:04:14  \n"
            " |C:ResolveColorBlue |M:a/b |D:55\n\n");
  a.video.start_timecode = "10:00:00:00";
  EXPECT_TRUE(holds(write("edl-markers", {a}), "10:00:04:13 10:00:04:14"));
}

TEST(Fcpxml, HoldsRationalTimesAndNames) {
  grounding::Answer a = answer("/v/狗 1.mov", kNtsc, {event(10.01, 11.011, kTricky)});
  a.events[0].confidence = 0.5;
  a.video.sound = true;
  a.video.start_timecode = "01:00:00;00";
  const grounding::Answer b = answer("b.mp4", kPal, {event(2, 4, "two")});
  const std::string xml = write("fcpxml", {a, b});
  EXPECT_EQ(xpath("string(/fcpxml/@version)", xml), "1.10");
  EXPECT_EQ(xpath("string(//format[1]/@frameDuration)", xml), "1001/30000s");
  EXPECT_EQ(xpath("string(//asset[1]/media-rep/@src)", xml), "file:///v/%E7%8B%97%201.mov");
  EXPECT_EQ(xpath("string(//asset[1]/@start)", xml), "107999892/30000s");
  EXPECT_EQ(xpath("string(//asset[2]/media-rep/@src)", xml), "b.mp4");
  EXPECT_EQ(xpath("string(//asset-clip[1]/@name)", xml), "<狗> & \"跳\" | 'x' ");
  EXPECT_EQ(xpath("string(//asset-clip[1]/@start)", xml), "108300192/30000s");
  EXPECT_EQ(xpath("string(//asset-clip[1]/@duration)", xml), "30030/30000s");
  EXPECT_EQ(xpath("string(//asset-clip[2]/@offset)", xml), "30030/30000s");
  EXPECT_EQ(xpath("string(//asset-clip[2]/@start)", xml), "2s");
  EXPECT_EQ(xpath("string(//asset-clip[1]/note)", xml), "When? · confidence 50%");
}

TEST(Xmeml, HoldsFramesAndFiles) {
  grounding::Answer a =
      answer("/v/狗 1.mov", kNtsc, {event(10.01, 11.011, kTricky), event(20.02, 21.021, "x")});
  a.video.sound = true;
  a.video.start_timecode = "01:00:00;00";
  const std::string xml = write("xmeml", {a});
  EXPECT_EQ(xpath("string(/xmeml/@version)", xml), "5");
  EXPECT_EQ(xpath("count(//video/track/clipitem)", xml), "2");
  EXPECT_EQ(xpath("count(//audio/track/clipitem)", xml), "2");
  EXPECT_EQ(xpath("string(//video/track/clipitem[1]/in)", xml), "300");
  EXPECT_EQ(xpath("string(//video/track/clipitem[1]/out)", xml), "330");
  EXPECT_EQ(xpath("string(//video/track/clipitem[2]/start)", xml), "30");
  EXPECT_EQ(xpath("string(//sequence/rate/ntsc)", xml), "TRUE");
  EXPECT_EQ(xpath("string(//file[1]/pathurl)", xml), "file://localhost/v/%E7%8B%97%201.mov");
  EXPECT_EQ(xpath("string(//file[1]/timecode/string)", xml), "01:00:00;00");
  EXPECT_EQ(xpath("string(//file[1]/timecode/frame)", xml), "107892");
  EXPECT_EQ(xpath("count(//file/name)", xml), "1");
}

TEST(Xmeml, LinksAClipByItsPlaceInItsTrack) {
  const grounding::Answer a = answer("a.mov", kPal, {event(1, 2, "x"), event(3, 4, "y")});
  grounding::Answer b = answer("b.mov", kPal, {event(1, 2, "x"), event(3, 4, "y")});
  b.video.sound = true;
  const std::string xml = write("xmeml", {a, b});
  for (const char* track : {"video", "audio"}) {
    const auto place = [&](const char* item) {
      return xpath(fmt::format("string(//{}/track/clipitem//link[linkclipref=\"{}\"]/clipindex)",
                               track, item),
                   xml);
    };
    EXPECT_EQ(place("picture-4"), "4") << xml;
    EXPECT_EQ(place("sound-3"), "1") << xml;
    EXPECT_EQ(place("sound-4"), "2") << xml;
    EXPECT_EQ(place("sound-1"), "") << xml;
  }
}

TEST(Otio, IsJsonOfItsSchemas) {
  grounding::Answer a = answer("狗.mov", kPal, {event(4.52, 6.72, kTricky)});
  a.video.start_timecode = "01:00:00:00";
  const std::string text = write("otio", {a}, "/some where");
  const Json clip = Json::parse(text)["tracks"]["children"][0]["children"][0];
  EXPECT_EQ(clip["OTIO_SCHEMA"], "Clip.1");
  EXPECT_EQ(clip["source_range"]["start_time"]["value"], 90113.0);
  EXPECT_EQ(clip["source_range"]["duration"]["value"], 55.0);
  EXPECT_EQ(clip["source_range"]["duration"]["rate"], 25.0);
  EXPECT_EQ(clip["media_reference"]["target_url"], "file:///some%20where/%E7%8B%97.mov");
  EXPECT_EQ(clip["media_reference"]["available_range"]["start_time"]["value"], 90000.0);
}

TEST(LosslessCut, HasSegmentsInOrder) {
  const grounding::Answer a =
      answer("v/a.mp4", kPal, {event(4, 5.5, "say \"b\", c"), event(1, 1, "a")});
  EXPECT_EQ(write("llc-csv", {a}), "1.000,1.100,\"a\"\n4.000,5.500,\"say \"\"b\"\", c\"\n");
  const Json llc = Json::parse(write("llc", {a}));
  EXPECT_EQ(llc["version"], 1);
  EXPECT_EQ(llc["mediaFileName"], "a.mp4");
  EXPECT_EQ(llc["cutSegments"][0]["end"], 1.1);
  EXPECT_EQ(llc["cutSegments"][1]["name"], "say \"b\", c");
}

TEST(Audacity, HasLabels) {
  const grounding::Answer a = answer("a.mp4", kPal, {event(4, 5.5, "b\tc"), event(1, 1, "a")});
  EXPECT_EQ(write("audacity", {a}), "1.000000\t1.000000\ta\n4.000000\t5.500000\tb c\n");
}

TEST(Youtube, KeepsItsRules) {
  grounding::Answer a = answer("a.mp4", kPal, {event(12, 15, "one"), event(30, 31, "two")});
  EXPECT_EQ(write("youtube", {a}), "0:00 Start\n0:12 one\n0:30 two\n");
  // The first begins the video, one is too near, and the last is made long enough.
  a.events = {event(4, 5, "one"), event(8, 9, "near"), event(30, 31, "two"), event(57, 58, "end")};
  EXPECT_EQ(write("youtube", {a}),
            "0:00 one / near\n0:30 two\n0:50 end\n\n"
            "(1 moments less than 10 seconds after a chapter are part of it.)\n"
            "(The first chapter was moved to 0:00.)\n"
            "(The last chapter was moved, so that it has 10 seconds.)\n");
  // Ten seconds count from where a chapter begins, also from where it was moved to.
  a.events = {event(5, 6, "A"), event(14, 15, "B"), event(30, 31, "C"), event(45, 46, "D")};
  EXPECT_EQ(write("youtube", {a}),
            "0:00 A\n0:14 B\n0:30 C\n0:45 D\n\n(The first chapter was moved to 0:00.)\n");
  // What follows a moment makes the third.
  a.events = {event(20, 25, "one")};
  EXPECT_EQ(write("youtube", {a}), "0:00 Start\n0:20 one\n0:30 After that\n");
  a.language = Language::kChinese;
  a.video.duration = 4000;
  a.events = {event(3700, 3990, "狗")};
  EXPECT_EQ(write("youtube", {a}), "0:00 开始\n1:01:40 狗\n1:06:30 之后\n");
  a.video.duration = 15;
  a.events = {event(1, 2, "狗")};
  EXPECT_EQ(write("youtube", {a}),
            "0:00 狗\n\n（第一章提前到 0:00。）\n（不足三章：YouTube 不会显示。）\n");
}

}  // namespace
}  // namespace shijian::exchange
