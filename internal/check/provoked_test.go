package check_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"doorstation/internal/health"
)

// provoked is where a fault is brought about: a test, and the word by which its file names the fault.
type provoked struct{ file, test, word string }

// Tables that bring about many faults each, and mend them.
const (
	everyFault  = "TestEachFaultIsNamedAndMended"
	checkup     = "test/checkup/"
	kernel      = "internal/probe/hardware_kernel_test.go"
	sound       = "test/kernel/sound/check_kernel_test.go"
	machineFile = "internal/hardware/verdict_test.go"
	written     = "cmd/doorstation/mended_test.go"
)

// table is the table of test/checkup; the file is where its case is.
func table(file string, codes ...health.Code) map[health.Code]provoked {
	all := map[health.Code]provoked{}
	for _, c := range codes {
		all[c] = provoked{checkup + file, everyFault, ""}
	}
	return all
}

// byCheck are the faults that doorstation check names: those of the tables and of real drivers are mended, and named no longer.
func byCheck() map[health.Code]provoked {
	all := map[health.Code]provoked{
		health.CodeCallFailed: {checkup + "beside_test.go", "TestATestCall", `"call_failed"`},

		health.CodeCameraBusy:        {kernel, "TestKernelTheCameraIsSeen", ""},
		health.CodeCameraDark:        {kernel, "TestKernelTheCameraIsSeen", ""},
		health.CodeCameraStalled:     {kernel, "TestKernelTheCameraIsSeen", ""},
		health.CodeCameraFormat:      {kernel, "TestKernelACommandsPictures", ""},
		health.CodeCameraUnavailable: {kernel, "TestKernelTheCameraIsSeen", ""},
		health.CodeGPIOUnavailable:   {kernel, "TestKernelTheLinesAreSeen", "gpio_unavailable"},
		health.CodeButtonUnreadable:  {kernel, "TestKernelTheLinesAreSeen", ""},
		health.CodeButtonStill:       {kernel, "TestKernelAPressIsSeen", ""},
		health.CodeLockUnavailable:   {kernel, "TestKernelWhoHasALine", ""},
		health.CodeLightUnavailable:  {kernel, "TestKernelWhoHasALine", ""},
		health.CodeLEDUnavailable:    {kernel, "TestKernelWhoHasALine", ""},
		health.CodeInputUnreadable:   {kernel, "TestKernelWhoHasALine", ""},

		health.CodeMicrophoneSilent:     {sound, "TestKernelTheMixerIsWrong", ""},
		health.CodeMicrophoneOverdriven: {sound, "TestKernelTheMixerIsWrong", ""},
		health.CodeLoudspeakerUnheard:   {sound, "TestKernelTheMixerIsWrong", ""},
		health.CodeAudioIncomplete:      {sound, "TestKernelTheCardIsHeld", ""},
		health.CodeAudioUnavailable:     {sound, "TestKernelTheCardIsPulledOut", ""},

		health.CodeMemoryLow: {"test/kernel/scarce/memory_kernel_test.go", "TestKernelMemoryIsUsedUp", ""},

		// By the kernel's files, of which a test has its own: only a Raspberry Pi's firmware tells of a weak supply, its sensor of heat, and errors
		// are counted by ext4 alone, which the kernel of the tests is without.
		health.CodeUnderVoltage: {machineFile, "TestWhatIsWrongWithTheMachine", ""},
		health.CodeTooHot:       {machineFile, "TestWhatIsWrongWithTheMachine", ""},
		health.CodeDiskErrors:   {machineFile, "TestWhatIsWrongWithTheMachine", ""},

		// What the local file and SIP Core's settings say of each other, and the files that it names.
		health.CodeNoTargets:        {written, "TestWhatIsWrittenIsNamedAndMended", ""},
		health.CodeCallsItself:      {written, "TestWhatIsWrittenIsNamedAndMended", ""},
		health.CodeDTMFOpensNothing: {written, "TestWhatIsWrittenIsNamedAndMended", ""},
		health.CodeCodeNotSent:      {written, "TestWhatIsWrittenIsNamedAndMended", ""},
		health.CodeTalkOpensDoor:    {written, "TestWhatIsWrittenIsNamedAndMended", ""},
		health.CodeCodesUnusable:    {written, "TestWhatIsWrittenIsNamedAndMended", ""},
		health.CodeToneFile:         {written, "TestWhatIsWrittenIsNamedAndMended", ""},
	}
	maps.Copy(all, table("faults_test.go",
		health.CodeTokenMissing, health.CodeTokenRefused, health.CodeHomeAssistantName, health.CodeHomeAssistantUnreachable, health.CodeIntegrationMissing,
		health.CodeNotSetUp, health.CodeNoSupervisor, health.CodeAddonMissing, health.CodeIngressSession, health.CodeNoUser, health.CodeBackupUser,
		health.CodeSettingsInvalid, health.CodeICEServerInvalid, health.CodeUnknownTarget, health.CodeSecretFileOpen, health.CodeCertificateExpired,
		health.CodeCertificateExpiring, health.CodeCertificateNotYetValid, health.CodeCertificateName, health.CodeCertificateUnknown))
	maps.Copy(all, table("exchange_test.go",
		health.CodeRegistrationRefused, health.CodePBXUnreachable, health.CodePBXName, health.CodeWebSocketRefused, health.CodeNoPBXAddress,
		health.CodeTargetMissing))
	maps.Copy(all, table("ice_test.go",
		health.CodeSTUNSilent, health.CodeTURNSilent, health.CodeICEServerName, health.CodeTURNRefused, health.CodeRelayOnlyWithoutTURN,
		health.CodeRelayBlocked))
	maps.Copy(all, table("reach_test.go", health.CodeNoRelay, health.CodeNoCandidates, health.CodeSymmetricNAT, health.CodeCallNoMedia,
		health.CodeCallNoPicture))
	maps.Copy(all, table("machine_test.go", health.CodeFileUnreadable, health.CodeDiskFull, health.CodeDiskReadOnly, health.CodeClockWrong))
	return all
}

// byAgent are those that are brought about in the agent, or in a part of it; check repeats what a running one tells (its link "faults").
func byAgent() map[health.Code]provoked {
	const lock = "internal/station/lock_test.go"
	return map[health.Code]provoked{
		health.CodeSettingsKept:       {"test/chaos/home_test.go", "TestHomeAssistantIsDownAtBoot", `settings_kept`},
		health.CodeSettingsRefused:    {"internal/app/kept_test.go", "TestBrokenSettingsAtTheStartAreRefusedForTheKeptOnes", "settings_refused"},
		health.CodeSettingsCorrupt:    {"internal/app/kept_test.go", "TestADamagedFileIsSetAsideAndNamed", "settings_corrupt"},
		health.CodeEchoNotKept:        {"internal/app/sound_test.go", "TestADelayThatCannotBeKeptIsAFault", ""},
		health.CodeSettingsNotKept:    {"internal/app/kept_test.go", "TestADoorThatCannotKeepItsSettingsRunsOn", "settings_not_kept"},
		health.CodeNoPicture:          {"test/e2e/ring_test.go", "TestWithoutSIPVideoTheBellRingsAndTheHouseholdTalks", "no_picture"},
		health.CodeCallsRefused:       {"internal/app/refusals_test.go", "TestRefusedCallsAreOneFaultThatCounts", "calls_refused"},
		health.CodeMonitorUnavailable: {"internal/app/supervise_test.go", "TestTheMonitorsPortIsTaken", "monitor_unavailable"},
		health.CodePageUnavailable:    {"internal/app/statuspage_test.go", "TestAPageThatCantBeServedIsAFault", "page_unavailable"},
		health.CodeDoorLeftOpen:       {lock, "TestLockAndAlarms", "alarm left_open true"},
		health.CodeLockBlocked:        {lock, "TestLockAndAlarms", "alarm blocked true"},
		health.CodeDoorForced:         {lock, "TestLockAndAlarms", "alarm forced true"},
		health.CodeTamper:             {lock, "TestLockAndAlarms", "alarm tamper true"},
		health.CodeWrongCodes:         {"internal/station/codes_test.go", "TestWrongCodesCostMoreAndMore", "alarm guessing true"},
	}
}

// TestEveryFaultIsProvokedSomewhere: a fault that is added to the catalogue has to be brought about by a test that is there and names it.
func TestEveryFaultIsProvokedSomewhere(t *testing.T) {
	check, agent := byCheck(), byAgent()
	known := 0
	for _, f := range health.Catalogue() {
		lists := 0
		for _, in := range []bool{has(check, f.Code), has(agent, f.Code)} {
			if in {
				lists++
			}
		}
		if lists != 1 {
			t.Errorf("%s is in %d of the lists", f.Code, lists)
		}
		known += lists
	}
	if listed := len(check) + len(agent); listed != known {
		t.Errorf("%d faults are listed, and %d of them are known", listed, known)
	}
	constants := constantsOf(t, "../health/catalogue.go")
	for _, list := range []map[health.Code]provoked{check, agent} {
		for code, p := range list {
			assertProvokes(t, code, constants[code], p)
		}
	}
}

func has[V any](m map[health.Code]V, code health.Code) bool {
	_, in := m[code]
	return in
}

// assertProvokes fails unless the test is there and its file names the fault.
func assertProvokes(t *testing.T, code health.Code, constant string, p provoked) {
	t.Helper()
	path := filepath.Join("..", "..", filepath.FromSlash(p.file))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	word := p.word
	if word == "" {
		word = "health." + constant
	}
	if !strings.Contains(string(text), word) {
		t.Errorf("%s: %s does not say %s", code, p.file, word)
	}
	files, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(files, func(file string) bool { return declares(t, file, p.test) }) {
		t.Errorf("%s: there is no %s beside %s", code, p.test, p.file)
	}
}

// declares says whether a file has a function of this name.
func declares(t *testing.T, file, name string) bool {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(parsed.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Recv == nil && f.Name.Name == name
	})
}

// constantsOf are the names of the catalogue's constants.
func constantsOf(t *testing.T, file string) map[health.Code]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := map[health.Code]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == 1 && len(v.Values) == 1 {
			if text, isText := v.Values[0].(*ast.BasicLit); isText {
				names[health.Code(strings.Trim(text.Value, `"`))] = v.Names[0].Name
			}
		}
		return true
	})
	return names
}
