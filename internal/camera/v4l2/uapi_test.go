package v4l2

import (
	"runtime"
	"testing"
	"unsafe"
)

// TestLayoutsAreThoseOfTheKernel compares with what a C compiler made of linux/videodev2.h: gcc 12 for x86-64 and AArch64, and
// for armhf with -D_TIME_BITS=64 -D_FILE_OFFSET_BITS=64.
func TestLayoutsAreThoseOfTheKernel(t *testing.T) {
	narrow := map[string]bool{"arm": true}[runtime.GOARCH]
	for name, c := range map[string]struct{ got, wide, narrow uintptr }{
		"v4l2_capability":               {unsafe.Sizeof(capability{}), 104, 104},
		"v4l2_fmtdesc":                  {unsafe.Sizeof(fmtDesc{}), 64, 64},
		"v4l2_fmtdesc.pixelformat":      {unsafe.Offsetof(fmtDesc{}.pixelFormat), 44, 44},
		"v4l2_frmsizeenum":              {unsafe.Sizeof(frameSizeEnum{}), 44, 44},
		"v4l2_frmsizeenum.discrete":     {unsafe.Offsetof(frameSizeEnum{}.size), 12, 12},
		"v4l2_frmivalenum":              {unsafe.Sizeof(frameIntervalEnum{}), 52, 52},
		"v4l2_frmivalenum.discrete":     {unsafe.Offsetof(frameIntervalEnum{}.interval), 20, 20},
		"v4l2_format":                   {unsafe.Sizeof(format{}), 208, 204},
		"v4l2_format.fmt":               {unsafe.Offsetof(format{}.raw), 8, 4},
		"v4l2_pix_format":               {unsafe.Sizeof(pixFormat{}), 48, 48},
		"v4l2_pix_format_mplane":        {unsafe.Sizeof(pixFormatMPlane{}), 192, 192},
		"…_mplane.plane_fmt":            {unsafe.Offsetof(pixFormatMPlane{}.planes), 20, 20},
		"…_mplane.num_planes":           {unsafe.Offsetof(pixFormatMPlane{}.numPlanes), 180, 180},
		"v4l2_streamparm":               {unsafe.Sizeof(streamParm{}), 204, 204},
		"v4l2_streamparm.timeperframe":  {unsafe.Offsetof(streamParm{}.timePerFrame), 12, 12},
		"v4l2_requestbuffers":           {unsafe.Sizeof(requestBuffers{}), 20, 20},
		"v4l2_buffer":                   {unsafe.Sizeof(buffer{}), 88, 80},
		"v4l2_buffer.timestamp":         {unsafe.Offsetof(buffer{}.sec), 24, 24},
		"v4l2_buffer.sequence":          {unsafe.Offsetof(buffer{}.sequence), 56, 56},
		"v4l2_buffer.memory":            {unsafe.Offsetof(buffer{}.memory), 60, 60},
		"v4l2_buffer.m":                 {unsafe.Offsetof(buffer{}.m), 64, 64},
		"v4l2_buffer.length":            {unsafe.Offsetof(buffer{}.length), 72, 68},
		"v4l2_plane":                    {unsafe.Sizeof(plane{}), 64, 60},
		"v4l2_plane.m":                  {unsafe.Offsetof(plane{}.m), 8, 8},
		"v4l2_plane.data_offset":        {unsafe.Offsetof(plane{}.dataOffset), 16, 12},
		"v4l2_control":                  {unsafe.Sizeof(control{}), 8, 8},
		"v4l2_queryctrl":                {unsafe.Sizeof(queryCtrl{}), 68, 68},
		"v4l2_queryctrl.minimum":        {unsafe.Offsetof(queryCtrl{}.minimum), 40, 40},
		"v4l2_queryctrl.flags":          {unsafe.Offsetof(queryCtrl{}.flags), 56, 56},
		"v4l2_ext_control":              {unsafe.Sizeof(extControl{}), 20, 20},
		"v4l2_ext_controls":             {unsafe.Sizeof(extControls{}), 32, 24},
		"v4l2_ext_controls.controls":    {unsafe.Offsetof(extControls{}.controls), 24, 20},
		"v4l2_event_subscription":       {unsafe.Sizeof(eventSubscription{}), 32, 32},
		"v4l2_event":                    {unsafe.Sizeof(event{}), 136, 136},
		"v4l2_event.u":                  {unsafe.Offsetof(event{}.u), 8, 8},
		"v4l2_event.pending":            {unsafe.Offsetof(event{}.pending), 72, 72},
		"v4l2_event.timestamp":          {unsafe.Offsetof(event{}.sec), 80, 80},
		"v4l2_event.id":                 {unsafe.Offsetof(event{}.id), 96, 96},
		"v4l2_encoder_cmd":              {unsafe.Sizeof(encoderCmd{}), 40, 40},
		"v4l2_selection":                {unsafe.Sizeof(selection{}), 64, 64},
		"v4l2_selection.r":              {unsafe.Offsetof(selection{}.left), 12, 12},
		"VIDIOC_QUERYCAP":               {vidiocQuerycap, 2154321408, 2154321408},
		"VIDIOC_ENUM_FMT":               {vidiocEnumFmt, 3225441794, 3225441794},
		"VIDIOC_ENUM_FRAMESIZES":        {vidiocEnumFramesizes, 3224131146, 3224131146},
		"VIDIOC_ENUM_FRAMEINTERVALS":    {vidiocEnumFrameintervals, 3224655435, 3224655435},
		"VIDIOC_G_FMT":                  {vidiocGFmt, 3234878980, 3234616836},
		"VIDIOC_S_FMT":                  {vidiocSFmt, 3234878981, 3234616837},
		"VIDIOC_G_PARM":                 {vidiocGParm, 3234616853, 3234616853},
		"VIDIOC_S_PARM":                 {vidiocSParm, 3234616854, 3234616854},
		"VIDIOC_REQBUFS":                {vidiocReqbufs, 3222558216, 3222558216},
		"VIDIOC_QUERYBUF":               {vidiocQuerybuf, 3227014665, 3226490377},
		"VIDIOC_QBUF":                   {vidiocQbuf, 3227014671, 3226490383},
		"VIDIOC_DQBUF":                  {vidiocDqbuf, 3227014673, 3226490385},
		"VIDIOC_STREAMON":               {vidiocStreamon, 1074026002, 1074026002},
		"VIDIOC_STREAMOFF":              {vidiocStreamoff, 1074026003, 1074026003},
		"VIDIOC_G_CTRL":                 {vidiocGCtrl, 3221771803, 3221771803},
		"VIDIOC_S_CTRL":                 {vidiocSCtrl, 3221771804, 3221771804},
		"VIDIOC_QUERYCTRL":              {vidiocQueryctrl, 3225703972, 3225703972},
		"VIDIOC_S_EXT_CTRLS":            {vidiocSExtCtrls, 3223344712, 3222820424},
		"VIDIOC_SUBSCRIBE_EVENT":        {vidiocSubscribeEvent, 1075861082, 1075861082},
		"VIDIOC_DQEVENT":                {vidiocDqevent, 2156418649, 2156418649},
		"VIDIOC_ENCODER_CMD":            {vidiocEncoderCmd, 3223869005, 3223869005},
		"VIDIOC_S_SELECTION":            {vidiocSSelection, 3225441887, 3225441887},
		"CID_MPEG_VIDEO_BITRATE":        {uintptr(Bitrate), 10029519, 10029519},
		"…BITRATE_MODE":                 {uintptr(BitrateMode), 10029518, 10029518},
		"…GOP_SIZE":                     {uintptr(GOPSize), 10029515, 10029515},
		"…B_FRAMES":                     {uintptr(BFrames), 10029514, 10029514},
		"…HEADER_MODE":                  {uintptr(HeaderMode), 10029528, 10029528},
		"…REPEAT_SEQ_HEADER":            {uintptr(RepeatSeqHeader), 10029538, 10029538},
		"…FORCE_KEY_FRAME":              {uintptr(ForceKeyFrame), 10029541, 10029541},
		"…H264_I_PERIOD":                {uintptr(H264IPeriod), 10029670, 10029670},
		"…H264_LEVEL":                   {uintptr(H264Level), 10029671, 10029671},
		"…H264_PROFILE":                 {uintptr(H264Profile), 10029675, 10029675},
		"PIX_FMT_H264":                  {uintptr(H264), 875967048, 875967048},
		"PIX_FMT_YUV420":                {uintptr(YUV420), 842093913, 842093913},
		"PIX_FMT_NV12":                  {uintptr(NV12), 842094158, 842094158},
		"BUF_FLAG_TIMESTAMP_MASK":       {flagTimestampMask, 57344, 57344},
		"BUF_FLAG_TIMESTAMP_MONOTONIC":  {flagTimestampMonotonic, 8192, 8192},
		"BUF_FLAG_LAST":                 {flagLast, 1048576, 1048576},
		"V4L2_BUF_TYPE_…CAPTURE_MPLANE": {uintptr(VideoCaptureMPlane), 9, 9},
		"V4L2_BUF_TYPE_…OUTPUT_MPLANE":  {uintptr(VideoOutputMPlane), 10, 10},
	} {
		want := c.wide
		if narrow {
			want = c.narrow
		}
		if c.got != want {
			t.Errorf("%s is %d, in C %d", name, c.got, want)
		}
	}
}
